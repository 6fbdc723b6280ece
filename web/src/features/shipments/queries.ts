import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { learnServerTime } from '@/lib/clock'
import type { ListState } from '@/ui/useListState'

export type Shipment = Schema<'Shipment'>
export type ShipmentState = Exclude<Shipment['state'], 'planned'>

export const receiptsQuery = ({ page, size }: ListState) =>
  queryOptions({
    queryKey: ['shipments', 'mine', { page, size }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/shipments', { params: { query: { page, size } }, signal })),
  })

export const receiptQuery = (id: string) =>
  queryOptions({
    queryKey: ['shipments', 'mine', id],
    queryFn: ({ signal }) => body(api.GET('/shipments/{id}', { params: { path: { id } }, signal })),
  })

export const sendReceiptCode = mutationOptions({
  mutationKey: ['shipments', 'code'],
  mutationFn: async (id: string) => {
    const sent = await body(api.POST('/shipments/{id}/code', { params: { path: { id } } }))
    learnServerTime(sent.serverTime)
    return sent
  },
})

/** 签收 */
export const confirmReceipt = mutationOptions({
  mutationKey: ['shipments', 'receipt'],
  meta: { changes: [['shipments'], ['applications'], ['tokens']] },
  mutationFn: ({ id, code }: { id: string; code: string }) => body(api.POST('/shipments/{id}/receipt', { params: { path: { id } }, body: { code } })),
})

export const shipmentsQuery = ({ page, size, find }: ListState, state: ShipmentState | null) =>
  queryOptions({
    queryKey: ['shipments', 'all', { page, size, find, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      body(api.GET('/admin/shipments', { params: { query: { page, size, ...(find ? { search: find } : {}), ...(state ? { state } : {}) } }, signal })),
  })

export const pack = (id: string, request: Schema<'PackRequest'>) => body(api.POST('/admin/shipments/{id}/pack', { params: { path: { id } }, body: request }))
export const ship = (id: string, request: Schema<'ShipRequest'>) => body(api.POST('/admin/shipments/{id}/ship', { params: { path: { id } }, body: request }))
export const deliver = (id: string) => body(api.POST('/admin/shipments/{id}/delivered', { params: { path: { id } } }))
export const giveBack = (id: string, note: string) => body(api.POST('/admin/shipments/{id}/returned', { params: { path: { id } }, body: { note } }))
