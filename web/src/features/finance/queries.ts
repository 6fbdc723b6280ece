import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export const allOrdersQuery = ({ page, size, find }: ListState, state: Schema<'OrderState'> | null) =>
  queryOptions({
    queryKey: ['finance', 'orders', { page, size, find, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      body(api.GET('/admin/orders', { params: { query: { page, size, ...(find ? { search: find } : {}), ...(state ? { state } : {}) } }, signal })),
  })

export const confirmOrder = mutationOptions({
  mutationKey: ['finance', 'confirm'],
  meta: { changes: [['finance']] },
  mutationFn: ({ id, ...request }: Schema<'ConfirmOrderRequest'> & { id: string }) =>
    body(api.POST('/admin/orders/{id}/confirm', { params: { path: { id } }, body: request })),
})
