import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { codeOf } from '@/api/refusal'
import { learnServerTime } from '@/lib/clock'
import type { ListState } from '@/ui/useListState'

export type Application = Schema<'Application'>
export type Kind = Schema<'ApplicationKind'>
export type Form = Schema<'ApplicationForm'>

export interface Filter {
  kind: Kind | null
  state: Application['state'] | null
}

export const applicationsQuery = ({ page, size, find }: ListState, { kind, state }: Filter) =>
  queryOptions({
    queryKey: ['applications', { page, size, find, kind, state }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => {
      const query = { page, size, ...(find ? { search: find } : {}), ...(kind ? { kind } : {}), ...(state ? { state } : {}) }
      return body(api.GET('/applications', { params: { query }, signal }))
    },
  })

// While others have it, it is looked at again: staff decide, finance confirms, the parcel arrives.
const elsewhere: readonly Application['state'][] = ['pending', 'reviewing', 'second', 'paying', 'shipping', 'shipped']

export const applicationQuery = (id: string) =>
  queryOptions({
    queryKey: ['applications', 'one', id],
    staleTime: 0,
    queryFn: ({ signal }) => body(api.GET('/applications/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data && elsewhere.includes(query.state.data.state) ? 10_000 : false),
  })

/** The organisation as it stands on record, to compare with. */
export const recordQuery = queryOptions({
  queryKey: ['profile', 'record'],
  queryFn: ({ signal }) => body(api.GET('/profile', { signal })),
})

export const certificateQuery = (id: string) =>
  queryOptions({
    queryKey: ['certificates', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/certificates/{id}', { params: { path: { id } }, signal })),
  })

/** The certificates one may apply for; more than a hundred are found on their own page. */
export const choicesQuery = queryOptions({
  queryKey: ['certificates', 'choices'],
  queryFn: async ({ signal }) => (await body(api.GET('/certificates', { params: { query: { size: 100 } }, signal }))).items,
})

export const projectsQuery = queryOptions({
  queryKey: ['projects', 'choices'],
  staleTime: 60_000,
  queryFn: async ({ signal }) => (await body(api.GET('/projects', { params: { query: { size: 100 } }, signal }))).items,
})

export const projectQuery = (slug: string) =>
  queryOptions({
    queryKey: ['project', slug],
    staleTime: 60_000,
    queryFn: ({ signal }) => body(api.GET('/projects/{slug}', { params: { path: { slug } }, signal })),
  })

/** What each kind takes in a project: reviews, working days, price. */
export const policiesQuery = (slug: string) =>
  queryOptions({
    queryKey: ['project', slug, 'policies'],
    staleTime: 60_000,
    queryFn: async ({ signal }) => (await body(api.GET('/projects/{slug}/policies', { params: { path: { slug } }, signal }))).items,
  })

const changes = [['applications'], ['certificates']] as const

/** Starts an application, or answers the open one of the same certificate and kind. */
export const startApplication = mutationOptions({
  mutationKey: ['applications', 'start'],
  meta: { changes },
  mutationFn: (request: Schema<'CreateApplicationRequest'>) => body(api.POST('/applications', { body: request })),
})

/** Saves all of the form; what is left out is cleared. */
export const saveForm = mutationOptions({
  mutationKey: ['applications', 'form'],
  mutationFn: ({ id, form }: { id: string; form: Form }) => body(api.PATCH('/applications/{id}', { params: { path: { id } }, body: form })),
})

/** Where the new key goes; none was said yet is an answer. */
export const addressQuery = (id: string) =>
  queryOptions({
    queryKey: ['applications', 'address', id],
    retry: false,
    queryFn: async ({ signal }): Promise<Schema<'Address'> | null> => {
      try {
        return await body(api.GET('/applications/{id}/address', { params: { path: { id } }, signal }))
      } catch (error) {
        if (codeOf(error) === 'not_found') return null
        throw error
      }
    },
  })

export const saveAddress = mutationOptions({
  mutationKey: ['applications', 'address'],
  meta: { changes: [['applications', 'address']] },
  mutationFn: ({ id, address }: { id: string; address: Schema<'Address'> }) => body(api.PUT('/applications/{id}/address', { params: { path: { id } }, body: address })),
})

export const submitApplication = mutationOptions({
  mutationKey: ['applications', 'submit'],
  meta: { changes: [...changes, ['orders']] },
  mutationFn: ({ id, ...request }: Schema<'SubmitApplicationRequest'> & { id: string }) =>
    body(api.POST('/applications/{id}/submit', { params: { path: { id } }, body: request })),
})

export const sendHandlerCode = mutationOptions({
  mutationKey: ['applications', 'code'],
  mutationFn: async ({ id, to }: { id: string; to: 'old' | 'new' }) => {
    const sent = await body(api.POST('/applications/{id}/codes', { params: { path: { id } }, body: { to } }))
    learnServerTime(sent.serverTime)
    return sent
  },
})

export const withdraw = mutationOptions({
  mutationKey: ['applications', 'withdraw'],
  meta: { changes },
  mutationFn: (id: string) => body(api.POST('/applications/{id}/withdraw', { params: { path: { id } } })),
})

export const signConsent = (id: string) => (target: Schema<'JobTarget'>) =>
  body(api.POST('/applications/{id}/consent', { params: { path: { id } }, body: target }))

export const startEnrolment = (id: string) => (target: Schema<'JobTarget'>) =>
  body(api.POST('/applications/{id}/enrolment', { params: { path: { id } }, body: target }))
