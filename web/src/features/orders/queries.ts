import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export const ordersQuery = ({ page, size }: ListState, state: Schema<'OrderState'> | null) =>
  queryOptions({
    queryKey: ['orders', { page, size, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/orders', { params: { query: { page, size, ...(state ? { state } : {}) } }, signal })),
  })

/** One order; an unpaid one is looked at again until finance has confirmed it. */
export const orderQuery = (id: string) =>
  queryOptions({
    queryKey: ['orders', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/orders/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data?.state === 'pending' ? 4_000 : false),
  })

export const closeOrder = mutationOptions({
  mutationKey: ['orders', 'close'],
  meta: { changes: [['orders'], ['services']] },
  mutationFn: (id: string) => body(api.POST('/orders/{id}/close', { params: { path: { id } } })),
})
