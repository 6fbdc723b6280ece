import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import type { Guest } from '@/agent/guest'
import { signedDecision } from '@/agent/queries'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export type Recovery = Schema<'Recovery'>
export type StaffRecovery = Schema<'StaffRecovery'>
export type State = Recovery['state']

export const recoveriesQuery = ({ page, size }: ListState) =>
  queryOptions({
    queryKey: ['recoveries', 'mine', { page, size }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/recoveries', { params: { query: { page, size } }, signal })),
  })

/** What waits for others is looked at again. */
export const recoveryQuery = (id: string) =>
  queryOptions({
    queryKey: ['recoveries', 'mine', id],
    queryFn: ({ signal }) => body(api.GET('/recoveries/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (['pending', 'second', 'requested'].includes(query.state.data?.state ?? '') ? 10_000 : false),
  })

/** The organisation's certificates, to choose from. */
export const choicesQuery = queryOptions({
  queryKey: ['certificates', 'recovery'],
  queryFn: async ({ signal }) => (await body(api.GET('/certificates', { params: { query: { page: 1, size: 100 } }, signal }))).items,
})

export const requestRecovery = mutationOptions({
  mutationKey: ['recoveries', 'request'],
  meta: { changes: [['recoveries']] },
  mutationFn: ({ certificateId, ...request }: Schema<'RecoveryRequest'> & { certificateId: string }) =>
    body(api.POST('/certificates/{id}/recoveries', { params: { path: { id: certificateId } }, body: request })),
})

export const withdrawRecovery = mutationOptions({
  mutationKey: ['recoveries', 'withdraw'],
  meta: { changes: [['recoveries']] },
  mutationFn: (id: string) => body(api.POST('/recoveries/{id}/withdraw', { params: { path: { id } } })),
})

/** 加密密钥恢复申请书, filled in. */
export const letterURL = (id: string) => `/api/v1/recoveries/${id}/letter`

export const writeRecovered = (id: string) => (target: Schema<'JobTarget'>) =>
  body(api.POST('/recoveries/{id}/write', { params: { path: { id } }, body: target }))

export const allRecoveriesQuery = ({ page, size }: ListState, state: State | null) =>
  queryOptions({
    queryKey: ['recoveries', 'all', { page, size, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/admin/recoveries', { params: { query: { page, size, ...(state ? { state } : {}) } }, signal })),
  })

export const decideRecovery = mutationOptions({
  mutationKey: ['recoveries', 'decide'],
  meta: { changes: [['recoveries']] },
  mutationFn: async ({ id, ...decision }: Schema<'RecoveryDecision'> & { id: string }) => {
    const params = { path: { id } }
    const signed = await signedDecision(decision, () => body(api.POST('/admin/recoveries/{id}/decision/text', { params, body: decision })))
    return body(api.POST('/admin/recoveries/{id}/decision', { params, body: signed }))
  },
})

export const listCases = mutationOptions({
  mutationKey: ['kmc', 'cases'],
  mutationFn: (proof: Schema<'OfficerProof'>) => body(api.POST('/kmc/cases', { body: proof })),
})

/** What an officer's key on this computer signs, and the signature: to see what waits, or to decide a case. */
async function word(guest: Guest, spkiHash: string, about: Pick<Schema<'OfficerTicketRequest'>, 'caseId' | 'act'> = {}) {
  const { officer, at, job } = await body(api.POST('/kmc/tickets', { body: { login: guest.login, agentId: guest.agentId, spkiHash, ...about } }))
  const { signature } = await guest.run<{ signature: string }>(job)
  return { officer, at, signature }
}

/** The key of an officer at the agent beside the page. */
export interface OfficerKey {
  guest: Guest
  spkiHash: string
}

export const listByKey = mutationOptions({
  mutationKey: ['kmc', 'cases', 'key'],
  mutationFn: async ({ guest, spkiHash }: OfficerKey) => {
    const { officer, at = '', signature } = await word(guest, spkiHash)
    return { officer, items: (await body(api.POST('/kmc/cases', { body: { officer, at, signature } }))).items }
  },
})

export const decideByKey = mutationOptions({
  mutationKey: ['kmc', 'decide', 'key'],
  mutationFn: async ({ guest, spkiHash, id, act }: OfficerKey & { id: string; act: 'approve' | 'reject' }) => {
    const { officer, signature } = await word(guest, spkiHash, { caseId: id, act })
    return body(api.POST('/kmc/cases/{id}/decisions', { params: { path: { id } }, body: { officer, act, signature } }))
  },
})

export const decideCase = mutationOptions({
  mutationKey: ['kmc', 'decide'],
  mutationFn: ({ id, ...decision }: Schema<'OfficerDecision'> & { id: string }) => body(api.POST('/kmc/cases/{id}/decisions', { params: { path: { id } }, body: decision })),
})
