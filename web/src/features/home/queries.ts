import { queryOptions } from '@tanstack/react-query'
import { api, body } from '@/api/client'

// Enough for a day's list; whoever has more sees the rest on the pages these link to.
const size = 50

// The keys begin like those of the pages, so that what changes there is forgotten here too.
export const applicationsQuery = queryOptions({
  queryKey: ['applications', 'today'],
  queryFn: async ({ signal }) => (await body(api.GET('/applications', { params: { query: { size } }, signal }))).items,
})

export const certificatesQuery = queryOptions({
  queryKey: ['certificates', 'today'],
  queryFn: async ({ signal }) => (await body(api.GET('/certificates', { params: { query: { size } }, signal }))).items,
})

export const ordersQuery = queryOptions({
  queryKey: ['orders', 'today'],
  queryFn: async ({ signal }) => (await body(api.GET('/orders', { params: { query: { size, state: 'pending' } }, signal }))).items,
})
