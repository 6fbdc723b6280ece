import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body } from '@/api/client'
import type { components } from '@/api/schema.gen'

export type Notice = components['schemas']['Notice']

export const noticesQuery = ({ page, size, unread }: { page: number; size: number; unread: boolean }) =>
  queryOptions({
    queryKey: ['notices', { page, size, unread }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/notices', { params: { query: { page, size, unread } }, signal })),
  })

/** What the bell shows; asked again every minute while the page is seen. */
export const unreadQuery = queryOptions({
  queryKey: ['notices', 'bell'],
  refetchInterval: 60_000,
  queryFn: ({ signal }) => body(api.GET('/notices', { params: { query: { page: 1, size: 1, unread: true } }, signal })),
})

export const readNotice = mutationOptions({
  mutationKey: ['notices', 'read'],
  meta: { changes: [['notices']] },
  mutationFn: (id: string) => body(api.POST('/notices/{id}/read', { params: { path: { id } } })),
})

export const readNotices = mutationOptions({
  mutationKey: ['notices', 'read-all'],
  meta: { changes: [['notices']] },
  mutationFn: () => body(api.POST('/notices/read')),
})
