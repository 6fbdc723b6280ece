import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export const certificatesQuery = ({ page, size, find }: ListState) =>
  queryOptions({
    queryKey: ['certificates', { page, size, find }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      body(api.GET('/certificates', { params: { query: { page, size, ...(find ? { certificateName: find } : {}) } }, signal })),
  })

export const certificateQuery = (id: string) =>
  queryOptions({
    queryKey: ['certificates', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/certificates/{id}', { params: { path: { id } }, signal })),
  })

/** 延期: opens the application, or answers the open one. */
export const startRenewal = mutationOptions({
  mutationKey: ['certificates', 'renewal'],
  meta: { changes: [['certificates'], ['applications']] },
  mutationFn: (id: string) => body(api.POST('/certificates/{id}/renewals', { params: { path: { id } } })),
})
