import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body } from '@/api/client'

export interface AuditSearch {
  by: string
  act: string
  object: string
}

/** What of a search is filled in. */
export const filled = (search: AuditSearch) => Object.fromEntries(Object.entries(search).filter(([, value]) => value !== ''))

export const auditQuery = (search: AuditSearch, before: number | null) =>
  queryOptions({
    queryKey: ['audit', search, before],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/audit', { params: { query: { ...filled(search), ...(before ? { before } : {}) } }, signal })),
  })

export const verifyAudit = mutationOptions({
  mutationKey: ['audit', 'verify'],
  mutationFn: () => body(api.GET('/admin/audit/verification', {})),
})

export const checkpointsQuery = (before: number | null) =>
  queryOptions({
    queryKey: ['audit', 'checkpoints', before],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/audit/checkpoints', { params: { query: before ? { before } : {} }, signal })),
  })

export const sealAudit = mutationOptions({
  mutationKey: ['audit', 'seal'],
  meta: { changes: [['audit']] },
  mutationFn: () => body(api.POST('/admin/audit/checkpoints')),
})
