import { keepPreviousData, mutationOptions, queryOptions, useQuery } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { lastProject } from '@/lib/place'
import type { ListState } from '@/ui/useListState'

export const certificatesQuery = ({ page, size, find }: ListState) =>
  queryOptions({
    queryKey: ['certificates', { page, size, find }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      body(api.GET('/certificates', { params: { query: { page, size, ...(find ? { certificateName: find } : {}) } }, signal })),
  })

export const certificateQuery = (id: string) =>
  queryOptions({
    queryKey: ['certificates', 'one', id],
    queryFn: ({ signal }) => body(api.GET('/certificates/{id}', { params: { path: { id } }, signal })),
  })

/** What becomes of bids that are sealed to the old key. */
export type SealConsent = 'keep_old' | 'proceed'

/** 延期: opens the application, or answers the open one. */
export const startRenewal = mutationOptions({
  mutationKey: ['certificates', 'renewal'],
  meta: { changes: [['certificates'], ['applications']] },
  mutationFn: ({ id, sealConsent }: { id: string; sealConsent?: 'keep_old' | 'proceed' }) =>
    body(api.POST('/certificates/{id}/renewals', { params: { path: { id }, ...(sealConsent ? { query: { sealConsent } } : {}) } })),
})

export const sealsQuery = (id: string) =>
  queryOptions({
    queryKey: ['certificates', 'seals', id],
    queryFn: async ({ signal }) => (await body(api.GET('/certificates/{id}/seals', { params: { path: { id } }, signal }))).items,
  })

export const addSeal = (id: string) =>
  mutationOptions({
    mutationKey: ['certificates', 'seals', 'add'],
    meta: { changes: [['certificates', 'seals', id]] },
    mutationFn: (request: Schema<'SealRequest'>) => body(api.POST('/certificates/{id}/seals', { params: { path: { id } }, body: request })),
  })

export const removeSeal = (certificateId: string) =>
  mutationOptions({
    mutationKey: ['certificates', 'seals', 'remove'],
    meta: { changes: [['certificates', 'seals', certificateId]] },
    mutationFn: (id: string) => body(api.DELETE('/seals/{id}', { params: { path: { id } } })),
  })

/** Wait: the organisation is told when the bids are opened. */
export const remindSeals = (id: string) =>
  mutationOptions({
    mutationKey: ['certificates', 'seals', 'remind'],
    meta: { changes: [['certificates', 'seals', id]] },
    mutationFn: () => body(api.POST('/certificates/{id}/seals/reminder', { params: { path: { id } } })),
  })

/** Starts an application of another kind, or answers the open one of the same certificate and kind. */
export const startApplication = mutationOptions({
  mutationKey: ['certificates', 'application'],
  meta: { changes: [['certificates'], ['applications']] },
  mutationFn: (request: Schema<'CreateApplicationRequest'>) => body(api.POST('/applications', { body: request })),
})

const projectQuery = (slug: string) =>
  queryOptions({
    queryKey: ['project', slug],
    staleTime: 60_000,
    queryFn: ({ signal }) => body(api.GET('/projects/{slug}', { params: { path: { slug } }, signal })),
  })

/** The service phone of the project at hand. Nil/zero: "" until it is known. */
export function usePhone(): string {
  const slug = lastProject.read() ?? ''
  return useQuery({ ...projectQuery(slug), enabled: slug !== '' }).data?.contact.phone ?? ''
}
