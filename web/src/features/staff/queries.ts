import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'

const changes = [['staff']]

export const staffQuery = queryOptions({ queryKey: ['staff', 'people'], queryFn: ({ signal }) => body(api.GET('/staff', { signal })) })
export const invitationsQuery = queryOptions({ queryKey: ['staff', 'invitations'], queryFn: ({ signal }) => body(api.GET('/staff/invitations', { signal })) })
export const grantsQuery = queryOptions({ queryKey: ['staff', 'grants'], queryFn: ({ signal }) => body(api.GET('/staff/grants', { signal })) })

export const setFrozen = mutationOptions({
  mutationKey: ['staff', 'frozen'],
  meta: { changes },
  mutationFn: ({ id, ...request }: Schema<'SetFrozenRequest'> & { id: string }) => body(api.POST('/staff/{id}/frozen', { params: { path: { id } }, body: request })),
})

export const resetFactors = mutationOptions({
  mutationKey: ['staff', 'reset'],
  meta: { changes },
  mutationFn: (id: string) => body(api.POST('/staff/{id}/factors/reset', { params: { path: { id } } })),
})

export const invite = mutationOptions({
  mutationKey: ['staff', 'invite'],
  meta: { changes },
  mutationFn: (request: Schema<'InviteStaffRequest'>) => body(api.POST('/staff/invitations', { body: request })),
})

export const withdraw = mutationOptions({
  mutationKey: ['staff', 'withdraw'],
  meta: { changes },
  mutationFn: (id: string) => body(api.DELETE('/staff/invitations/{id}', { params: { path: { id } } })),
})

export const requestGrant = mutationOptions({
  mutationKey: ['staff', 'grant'],
  meta: { changes },
  mutationFn: (request: Schema<'RequestGrantRequest'>) => body(api.POST('/staff/grants', { body: request })),
})

export type GrantAct = { id: string } & ({ act: 'agree' | 'refuse' | 'review' } | { act: 'end'; reason: string })

export const actOnGrant = mutationOptions({
  mutationKey: ['staff', 'grant', 'act'],
  meta: { changes },
  mutationFn: (q: GrantAct) => {
    const params = { path: { id: q.id } }
    if (q.act === 'review') return body(api.POST('/staff/grants/{id}/review', { params, body: { months: 12 } }))
    if (q.act === 'end') return body(api.POST('/staff/grants/{id}/end', { params, body: { reason: q.reason } }))
    return body(api.POST('/staff/grants/{id}/decision', { params, body: { agree: q.act === 'agree' } }))
  },
})

export const actOnKey = mutationOptions({
  mutationKey: ['staff', 'key', 'act'],
  meta: { changes },
  mutationFn: ({ id, act }: { id: string; act: 'agree' | 'refuse' | 'end' }) => {
    const params = { path: { id } }
    if (act === 'end') return body(api.DELETE('/staff/keys/{id}', { params }))
    return body(api.POST('/staff/keys/{id}/decision', { params, body: { agree: act === 'agree' } }))
  },
})

export const invitedQuery = (token: string) =>
  queryOptions({ queryKey: ['staff', 'invited', token], gcTime: 0, retry: false, queryFn: () => body(api.POST('/staff/join/preview', { body: { token } })) })

export const join = mutationOptions({
  mutationKey: ['staff', 'join'],
  mutationFn: (request: Schema<'JoinStaffRequest'>) => body(api.POST('/staff/join', { body: request })),
})
