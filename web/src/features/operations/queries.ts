import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export const issuanceQuery = queryOptions({
  queryKey: ['operations', 'issuance'],
  refetchInterval: 30_000,
  queryFn: ({ signal }) => body(api.GET('/admin/issuance', { signal })),
})

export const healthQuery = queryOptions({
  queryKey: ['operations', 'health'],
  queryFn: ({ signal }) => body(api.GET('/admin/operations', { signal })),
})

const changes = { meta: { changes: [['operations']] } }

export const askStop = mutationOptions({
  mutationKey: ['operations', 'ask'],
  ...changes,
  mutationFn: (request: Schema<'AskStopRequest'>) => body(api.POST('/admin/issuance', { body: request })),
})

export const decideStop = mutationOptions({
  mutationKey: ['operations', 'decide'],
  ...changes,
  mutationFn: (request: Schema<'DecideStopRequest'>) => body(api.POST('/admin/issuance/decision', { body: request })),
})

export const alarmsQuery = queryOptions({
  queryKey: ['alarms'],
  refetchInterval: 30_000,
  queryFn: ({ signal }) => body(api.GET('/admin/alarms', { signal })),
})

export const testAlarm = mutationOptions({
  mutationKey: ['alarms', 'test'],
  meta: { changes: [['alarms'], ['sent']] },
  mutationFn: () => body(api.POST('/admin/alarms/test')),
})

export const acknowledge = mutationOptions({
  mutationKey: ['alarms', 'acknowledge'],
  meta: { changes: [['alarms']] },
  mutationFn: ({ id, note }: { id: string; note: string }) => body(api.POST('/admin/alarms/{id}/acknowledgement', { params: { path: { id } }, body: { note } })),
})

export const workQuery = queryOptions({
  queryKey: ['work'],
  refetchInterval: 15_000,
  queryFn: ({ signal }) => body(api.GET('/admin/jobs', { signal })),
})

export const retryWork = mutationOptions({
  mutationKey: ['work', 'retry'],
  meta: { changes: [['work'], ['alarms']] },
  mutationFn: (id: string) => body(api.POST('/admin/jobs/{id}/retry', { params: { path: { id } } })),
})

export type Outcome = Schema<'NoticeOutcome'>

export const sentQuery = ({ page, size, find }: ListState, state: Outcome | null) =>
  queryOptions({
    queryKey: ['sent', { page, size, find, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/notices', { params: { query: { page, size, ...(find ? { search: find } : {}), ...(state ? { state } : {}) } }, signal })),
  })

export const resend = mutationOptions({
  mutationKey: ['sent', 'resend'],
  meta: { changes: [['sent']] },
  mutationFn: (id: string) => body(api.POST('/admin/notices/{id}/retry', { params: { path: { id } } })),
})
