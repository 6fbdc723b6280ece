import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export const applicationsQuery = ({ page, size }: ListState) =>
  queryOptions({
    queryKey: ['applications', { page, size }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/applications', { params: { query: { page, size } }, signal })),
  })

export const applicationQuery = (id: string) =>
  queryOptions({
    queryKey: ['applications', 'one', id],
    staleTime: 0,
    queryFn: ({ signal }) => body(api.GET('/applications/{id}', { params: { path: { id } }, signal })),
  })

export const withdraw = mutationOptions({
  mutationKey: ['applications', 'withdraw'],
  meta: { changes: [['applications'], ['certificates']] },
  mutationFn: (id: string) => body(api.POST('/applications/{id}/withdraw', { params: { path: { id } } })),
})

export const signConsent = (id: string) => (target: Schema<'JobTarget'>) =>
  body(api.POST('/applications/{id}/consent', { params: { path: { id } }, body: target }))

export const startEnrolment = (id: string) => (target: Schema<'JobTarget'>) =>
  body(api.POST('/applications/{id}/enrolment', { params: { path: { id } }, body: target }))
