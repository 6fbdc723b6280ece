import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'
import type { Kind } from './documents'

export const listQuery = (kind: Kind, { page, size, find }: ListState) =>
  queryOptions({
    queryKey: ['content', kind, 'list', page, size, find],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/content', { params: { query: { kind, page, size, ...(find ? { search: find } : {}) } }, signal })),
  })

export const itemQuery = (kind: Kind, key: string) =>
  queryOptions({
    queryKey: ['content', kind, 'item', key],
    queryFn: ({ signal }) => body(api.GET('/admin/content/{kind}/{key}', { params: { path: { kind, key } }, signal })),
  })

export const versionsQuery = (kind: Kind, key: string, size: number) =>
  queryOptions({
    queryKey: ['content', kind, 'versions', key, size],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/content/{kind}/{key}/versions', { params: { path: { kind, key }, query: { size } }, signal })),
  })

export const versionQuery = (kind: Kind, key: string, version: number) =>
  queryOptions({
    queryKey: ['content', kind, 'version', key, version],
    queryFn: ({ signal }) => body(api.GET('/admin/content/{kind}/{key}/versions/{version}', { params: { path: { kind, key, version } }, signal })),
  })

export const calendarQuery = queryOptions({ queryKey: ['content', 'holidays', 'calendar'], queryFn: ({ signal }) => body(api.GET('/admin/holidays', { signal })) })

/** A published project is another project page, a published calendar another review clock. */
const changes = { meta: { changes: [['content'], ['projects'], ['review']] } }

export const saveDraft = (kind: Kind, key: string) =>
  mutationOptions({
    mutationKey: ['content', 'save'],
    ...changes,
    mutationFn: (request: Schema<'SaveContentRequest'>) => body(api.PUT('/admin/content/{kind}/{key}/draft', { params: { path: { kind, key } }, body: request })),
  })

export const moveDraft = (kind: Kind, key: string) =>
  mutationOptions({
    mutationKey: ['content', 'move'],
    ...changes,
    mutationFn: (request: Schema<'MoveContentRequest'>) => body(api.POST('/admin/content/{kind}/{key}/draft/moves', { params: { path: { kind, key } }, body: request })),
  })
