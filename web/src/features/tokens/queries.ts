import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { signedDecision } from '@/agent/queries'
import { api, body, type Schema } from '@/api/client'
import { learnServerTime } from '@/lib/clock'
import type { ListState } from '@/ui/useListState'

export type Work = Schema<'TokenWork'>
export type Token = Schema<'Token'>

export const sendUnlockCode = mutationOptions({
  mutationKey: ['unlocks', 'code'],
  mutationFn: async (certificateId: string) => {
    const sent = await body(api.POST('/certificates/{id}/unlocks/code', { params: { path: { id: certificateId } } }))
    learnServerTime(sent.serverTime)
    return sent
  },
})

/** 解锁: opens the application, or answers the open one. Nil/zero: code "" = staff review it. */
export const requestUnlock = mutationOptions({
  mutationKey: ['unlocks', 'request'],
  meta: { changes: [['unlocks']] },
  mutationFn: ({ certificateId, code }: { certificateId: string; code: string }) =>
    body(api.POST('/certificates/{id}/unlocks', { params: { path: { id: certificateId } }, body: code ? { code } : {} })),
})

/** An application on which something may yet happen elsewhere is looked at again: staff decide, the agent finishes. */
export const unlockQuery = (id: string, following = false) =>
  queryOptions({
    queryKey: ['unlocks', 'one', id],
    staleTime: 0,
    queryFn: ({ signal }) => body(api.GET('/unlocks/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (following ? 1_000 : query.state.data?.state === 'pending' ? 5_000 : query.state.data?.state === 'approved' ? 30_000 : false),
    refetchIntervalInBackground: true,
  })

export const withdrawUnlock = mutationOptions({
  mutationKey: ['unlocks', 'withdraw'],
  meta: { changes: [['unlocks']] },
  mutationFn: (id: string) => body(api.POST('/unlocks/{id}/withdraw', { params: { path: { id } } })),
})

export const startUnlock = (id: string) => (choice: Schema<'AgentChoice'>) =>
  body(api.POST('/unlocks/{id}/start', { params: { path: { id } }, body: choice }))

export const changePin = (serial: string) => (choice: Schema<'AgentChoice'>) =>
  body(api.POST('/tokens/{serial}/pin', { params: { path: { serial } }, body: choice }))

export const takeOver = (serial: string) => (choice: Schema<'AgentChoice'>) =>
  body(api.POST('/tokens/{serial}/takeover', { params: { path: { serial } }, body: choice }))

export const labelKey = (serial: string) => (choice: Schema<'LabelTokenKeyRequest'>) =>
  body(api.POST('/tokens/{serial}/labels', { params: { path: { serial } }, body: choice }))

export const deleteKeys = (serial: string) => (choice: Schema<'DeleteTokenKeysRequest'>) =>
  body(api.POST('/tokens/{serial}/deletions', { params: { path: { serial } }, body: choice }))

export const myTokensQuery = ({ page, size }: Pick<ListState, 'page' | 'size'>) =>
  queryOptions({
    queryKey: ['tokens', 'mine', { page, size }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/tokens', { params: { query: { page, size } }, signal })),
  })

export const unlocksQuery = ({ page, size }: ListState, state: Work['state'] | null) =>
  queryOptions({
    queryKey: ['unlocks', 'review', { page, size, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/unlocks', { params: { query: { page, size, ...(state ? { state } : {}) } }, signal })),
  })

export const decideUnlock = mutationOptions({
  mutationKey: ['unlocks', 'decide'],
  meta: { changes: [['unlocks']] },
  mutationFn: async ({ id, ...decision }: Schema<'UnlockDecision'> & { id: string }) => {
    const params = { path: { id } }
    const signed = await signedDecision(decision, () => body(api.POST('/admin/unlocks/{id}/decision/text', { params, body: decision })))
    return body(api.POST('/admin/unlocks/{id}/decision', { params, body: signed }))
  },
})

/** Nil/zero: model null = all; "" = those whose model is not known. */
export const registerQuery = ({ page, size, find }: ListState, state: Token['state'] | null, model: string | null) =>
  queryOptions({
    queryKey: ['tokens', 'register', { page, size, find, state, model }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      body(api.GET('/admin/tokens', { params: { query: { page, size, ...(find ? { serial: find } : {}), ...(state ? { state } : {}), ...(model === null ? {} : { model }) } }, signal })),
  })

export const countsQuery = queryOptions({
  queryKey: ['tokens', 'counts'],
  queryFn: async ({ signal }) => (await body(api.GET('/admin/tokens/counts', { signal }))).items,
})

export const moveToken = mutationOptions({
  mutationKey: ['tokens', 'move'],
  meta: { changes: [['tokens']] },
  mutationFn: ({ serial, ...move }: Schema<'MoveTokenRequest'> & { serial: string }) =>
    body(api.POST('/admin/tokens/{serial}/state', { params: { path: { serial } }, body: move })),
})

export const registerTokens = mutationOptions({
  mutationKey: ['tokens', 'register'],
  meta: { changes: [['tokens']] },
  mutationFn: (tokens: Schema<'TokenEntry'>[]) => body(api.POST('/admin/tokens', { body: { tokens } })),
})

export const releaseToken = mutationOptions({
  mutationKey: ['tokens', 'release'],
  meta: { changes: [['tokens']] },
  mutationFn: ({ serial, ...found }: Schema<'ReleaseTokenRequest'> & { serial: string }) =>
    body(api.POST('/admin/tokens/{serial}/release', { params: { path: { serial } }, body: found })),
})
