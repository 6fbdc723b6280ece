import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { upload } from '@/api/upload'
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

const changes = { meta: { changes: [['orders']] } }

export const uploadSlip = (id: string) => (file: Blob, name: string, progress: (share: number) => void, signal: AbortSignal) =>
  upload<Schema<'Order'>>(`/orders/${encodeURIComponent(id)}/slip?name=${encodeURIComponent(name)}`, file, progress, signal)

export type Platform = Schema<'StartChargeRequest'>['gateway']

export const startCharge = mutationOptions({
  mutationKey: ['orders', 'charge'],
  mutationFn: ({ id, gateway }: { id: string; gateway: Platform }) => body(api.POST('/orders/{id}/charges', { params: { path: { id } }, body: { gateway } })),
})

export const requestInvoice = mutationOptions({
  mutationKey: ['orders', 'invoice'],
  ...changes,
  mutationFn: ({ id, ...request }: Schema<'InvoiceRequest'> & { id: string }) => body(api.POST('/orders/{id}/invoices', { params: { path: { id } }, body: request })),
})

export const cancelInvoice = mutationOptions({
  mutationKey: ['orders', 'invoice', 'cancel'],
  ...changes,
  mutationFn: (id: string) => body(api.POST('/invoices/{id}/cancel', { params: { path: { id } } })),
})

export const requestRefund = mutationOptions({
  mutationKey: ['orders', 'refund'],
  ...changes,
  mutationFn: ({ id, reason }: { id: string; reason: string }) => body(api.POST('/orders/{id}/refunds', { params: { path: { id } }, body: { reason } })),
})

export const withdrawRefund = mutationOptions({
  mutationKey: ['orders', 'refund', 'withdraw'],
  ...changes,
  mutationFn: (id: string) => body(api.POST('/refunds/{id}/withdraw', { params: { path: { id } } })),
})

export const closeOrder = mutationOptions({
  mutationKey: ['orders', 'close'],
  meta: { changes: [['orders'], ['services']] },
  mutationFn: (id: string) => body(api.POST('/orders/{id}/close', { params: { path: { id } } })),
})
