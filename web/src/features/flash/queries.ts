import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export type Batch = Schema<'FlashBatch'>
export type FlashKey = Schema<'FlashKey'>

export const batchesQuery = ({ page, size }: ListState) =>
  queryOptions({
    queryKey: ['flash', 'batches', { page, size }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/flash/batches', { params: { query: { page, size } }, signal })),
  })

/** One batch with its keys; while it is being made it is looked at every two seconds. */
export const batchQuery = (id: string) =>
  queryOptions({
    queryKey: ['flash', 'batch', id],
    queryFn: ({ signal }) => body(api.GET('/admin/flash/batches/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data?.state === 'done' ? false : 2_000),
  })

export const projectsQuery = queryOptions({
  queryKey: ['projects', 'names'],
  queryFn: async ({ signal }) => (await body(api.GET('/projects', { params: { query: { size: 100 } }, signal }))).items,
})

export const createBatch = mutationOptions({
  mutationKey: ['flash', 'create'],
  meta: { changes: [['flash']] },
  mutationFn: (wanted: Schema<'FlashBatchRequest'>) => body(api.POST('/admin/flash/batches', { body: wanted })),
})

export const giveUpKey = mutationOptions({
  mutationKey: ['flash', 'give-up'],
  meta: { changes: [['flash']] },
  mutationFn: ({ id, reason }: { id: string; reason: string }) => body(api.POST('/admin/flash/keys/{id}/give-up', { params: { path: { id } }, body: { reason } })),
})

/** Nil/zero: gcTime 0, so that no PIN stays in the page's memory. */
export const printLetter = mutationOptions({
  mutationKey: ['flash', 'letter'],
  gcTime: 0,
  meta: { changes: [['flash']] },
  mutationFn: (id: string) => body(api.POST('/admin/flash/keys/{id}/letter', { params: { path: { id } } })),
})
