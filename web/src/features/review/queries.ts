import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { signStaffText } from '@/agent/queries'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'
import { workdays } from './worktime'

export type Item = Schema<'ReviewItem'>
export type Detail = Schema<'ReviewDetail'>
export type Material = Schema<'Material'>
export type Reason = Schema<'ReviewReason'>
export type Mark = Schema<'MaterialMark'>
export type Decision = Schema<'DecisionRequest'>

export interface QueueFilter {
  kind: Schema<'ApplicationKind'> | null
  state: Schema<'ApplicationState'> | null
  overdue: boolean
  mine: boolean
}

const asked = ({ kind, state, overdue, mine }: QueueFilter) => ({
  ...(kind ? { kind } : {}), ...(state ? { state } : {}), ...(overdue ? { overdue } : {}), ...(mine ? { mine } : {}),
})

/** Those due first. The queue is looked at again: others take from it. */
export const queueQuery = ({ page, size, find }: ListState, filter: QueueFilter) =>
  queryOptions({
    queryKey: ['reviews', 'queue', { page, size, find, ...filter }],
    placeholderData: keepPreviousData,
    refetchInterval: 20_000,
    queryFn: ({ signal }) => body(api.GET('/admin/applications', { params: { query: { page, size, ...(find ? { search: find } : {}), ...asked(filter) } }, signal })),
  })

/** The first that waits and that nobody else has, after the one at hand. */
export async function nextWaiting(after: string): Promise<Item | null> {
  const { items } = await body(api.GET('/admin/applications', { params: { query: { size: 50 } } }))
  return items.find((item) => item.id !== after && (item.mine || !item.claimedBy)) ?? null
}

export const reviewQuery = (id: string) =>
  queryOptions({
    queryKey: ['reviews', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/admin/applications/{id}', { params: { path: { id } }, signal })),
  })

export const materialsQuery = (id: string) =>
  queryOptions({
    queryKey: ['reviews', 'materials', id],
    queryFn: async ({ signal }) => (await body(api.GET('/admin/applications/{id}/materials', { params: { path: { id } }, signal }))).items,
  })

export const fileAddress = (id: string, materialId: string) => `/api/v1/admin/applications/${encodeURIComponent(id)}/materials/${encodeURIComponent(materialId)}`

export const statisticsQuery = queryOptions({
  queryKey: ['reviews', 'statistics'],
  refetchInterval: 60_000,
  queryFn: ({ signal }) => body(api.GET('/admin/applications/statistics', { signal })),
})

/** Days that are not what their weekday says, for the countdown. */
export const workdaysQuery = queryOptions({
  queryKey: ['holidays'],
  staleTime: 3_600_000,
  retry: false,
  queryFn: async ({ signal }) => workdays((await body(api.GET('/admin/holidays', { signal }))).items),
})

const changes = [['reviews']] as const

export const claim = mutationOptions({
  mutationKey: ['reviews', 'claim'],
  meta: { changes },
  mutationFn: (id: string) => body(api.POST('/admin/applications/{id}/claim', { params: { path: { id } } })),
})

export const release = mutationOptions({
  mutationKey: ['reviews', 'release'],
  meta: { changes },
  mutationFn: (id: string) => body(api.POST('/admin/applications/{id}/release', { params: { path: { id } } })),
})

/** The exact words of a decision, before it is made. */
export const decisionTextQuery = (id: string, decision: Decision) =>
  queryOptions({
    queryKey: ['reviews', 'text', id, decision],
    staleTime: 0,
    retry: false,
    queryFn: async ({ signal }) => (await body(api.POST('/admin/applications/{id}/decisions/text', { params: { path: { id } }, body: decision, signal }))).text,
  })

export const decide = mutationOptions({
  mutationKey: ['reviews', 'decide'],
  meta: { changes },
  mutationFn: async ({ id, sign, ...decision }: Decision & { id: string; sign: boolean }) => {
    const params = { path: { id } }
    if (!sign) return body(api.POST('/admin/applications/{id}/decisions', { params, body: decision }))
    const { text } = await body(api.POST('/admin/applications/{id}/decisions/text', { params, body: decision }))
    return body(api.POST('/admin/applications/{id}/decisions', { params, body: { ...decision, signature: await signStaffText(text) } }))
  },
})
