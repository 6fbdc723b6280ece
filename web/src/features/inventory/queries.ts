import { infiniteQueryOptions, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export type Found = Schema<'InventoryCertificate'>
export type Report = Schema<'InventoryReport'>
export type Batch = Schema<'StatusBatch'>

export interface Asked {
  by: Schema<'InventoryBy'>
  value: string
  state: Schema<'InventoryState'> | ''
  origin: Schema<'InventoryOrigin'> | ''
  before: string
}

export const searchQuery = ({ by, value, state, origin, before }: Asked) =>
  infiniteQueryOptions({
    queryKey: ['inventory', 'search', { by, value, state, origin, before }],
    initialPageParam: '',
    getNextPageParam: (last: Schema<'InventoryList'>) => last.next,
    queryFn: ({ signal, pageParam }) =>
      body(api.GET('/admin/certificates', {
        params: { query: { ...(value ? { by, value } : {}), ...(state ? { state } : {}), ...(origin ? { origin } : {}), ...(before ? { expiresBefore: `${before}T00:00:00Z` } : {}), ...(pageParam ? { after: pageParam } : {}) } },
        signal,
      })),
  })

export const certificateQuery = (id: string) =>
  queryOptions({
    queryKey: ['inventory', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/admin/certificates/{id}', { params: { path: { id } }, signal })),
  })

const changes = { meta: { changes: [['inventory']] } }

export const changeStatus = mutationOptions({
  mutationKey: ['inventory', 'status'],
  ...changes,
  mutationFn: ({ id, ...request }: Schema<'StatusChange'> & { id: string }) => body(api.POST('/admin/certificates/{id}/status', { params: { path: { id } }, body: request })),
})

export const batchesQuery = ({ page, size }: Pick<ListState, 'page' | 'size'>) =>
  queryOptions({
    queryKey: ['inventory', 'batches', { page, size }],
    refetchInterval: 10_000,
    queryFn: ({ signal }) => body(api.GET('/admin/status-batches', { params: { query: { page, size } }, signal })),
  })

export const requestBatch = mutationOptions({
  mutationKey: ['inventory', 'batch'],
  ...changes,
  mutationFn: (request: Schema<'StatusBatchRequest'>) => body(api.POST('/admin/status-batches', { body: request })),
})

export const decideBatch = mutationOptions({
  mutationKey: ['inventory', 'decide'],
  ...changes,
  mutationFn: ({ id, confirm }: { id: string; confirm: boolean }) => body(api.POST('/admin/status-batches/{id}/decide', { params: { path: { id } }, body: { confirm } })),
})
