import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'

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
