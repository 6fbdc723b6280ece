import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { upload } from '@/api/upload'
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

type Paged = Pick<ListState, 'page' | 'size'>

export const refundsQuery = ({ page, size }: Paged, state: Schema<'RefundState'> | null) =>
  queryOptions({
    queryKey: ['finance', 'refunds', { page, size, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/refunds', { params: { query: { page, size, ...(state ? { state } : {}) } }, signal })),
  })

const changes = { meta: { changes: [['finance']] } }

export const askRefund = mutationOptions({
  mutationKey: ['finance', 'refund', 'ask'],
  ...changes,
  mutationFn: ({ id, reason }: { id: string; reason: string }) => body(api.POST('/admin/orders/{id}/refunds', { params: { path: { id } }, body: { reason } })),
})

export const decideRefund = mutationOptions({
  mutationKey: ['finance', 'refund', 'decide'],
  ...changes,
  mutationFn: ({ id, ...request }: Schema<'DecideRefundRequest'> & { id: string }) => body(api.POST('/admin/refunds/{id}/decide', { params: { path: { id } }, body: request })),
})

export const finishRefund = mutationOptions({
  mutationKey: ['finance', 'refund', 'finish'],
  ...changes,
  mutationFn: ({ id, reference }: { id: string; reference: string }) => body(api.POST('/admin/refunds/{id}/finish', { params: { path: { id } }, body: { reference } })),
})

export const invoicesQuery = ({ page, size }: Paged, state: Schema<'InvoiceState'> | null) =>
  queryOptions({
    queryKey: ['finance', 'invoices', { page, size, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/invoices', { params: { query: { page, size, ...(state ? { state } : {}) } }, signal })),
  })

export const uploadInvoice = mutationOptions({
  mutationKey: ['finance', 'invoice'],
  ...changes,
  mutationFn: ({ id, number, red, name, file }: { id: string; number: string; red: boolean; name: string; file: Blob }) =>
    upload<Schema<'Invoice'>>(`/admin/invoices/${encodeURIComponent(id)}/file?${String(new URLSearchParams({ number, name, red: String(red) }))}`, file, () => undefined, new AbortController().signal),
})

export const statementsQuery = ({ page, size }: Paged) =>
  queryOptions({
    queryKey: ['finance', 'statements', { page, size }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/statements', { params: { query: { page, size } }, signal })),
  })

export const statementQuery = (id: string) =>
  queryOptions({
    queryKey: ['finance', 'statements', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/admin/statements/{id}', { params: { path: { id } }, signal })),
  })

export const uploadStatement = mutationOptions({
  mutationKey: ['finance', 'statement'],
  ...changes,
  mutationFn: ({ name, file, columns }: { name: string; file: Blob; columns: Record<string, string> }) =>
    upload<Schema<'Statement'>>(`/admin/statements?${String(new URLSearchParams({ name, ...columns }))}`, file, () => undefined, new AbortController().signal),
})

export const commitStatement = mutationOptions({
  mutationKey: ['finance', 'statement', 'commit'],
  ...changes,
  mutationFn: (id: string) => body(api.POST('/admin/statements/{id}/commit', { params: { path: { id } } })),
})
