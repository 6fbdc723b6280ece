import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export const servicesQuery = ({ page, size, find }: ListState) =>
  queryOptions({
    queryKey: ['services', { page, size, find }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      body(api.GET('/services', { params: { query: { page, size, ...(find ? { certificateName: find } : {}) } }, signal })),
  })

/** The price and term of a renewal, as the project has them. */
export const termsQuery = (slug: string) =>
  queryOptions({
    queryKey: ['project', slug],
    staleTime: 60_000,
    queryFn: ({ signal }) => body(api.GET('/projects/{slug}', { params: { path: { slug } }, signal })),
  })

/** 续费: the same open order is answered again, so a double click makes one order. */
export const renewService = mutationOptions({
  mutationKey: ['services', 'renew'],
  meta: { changes: [['services'], ['orders']] },
  mutationFn: (id: string) => body(api.POST('/services/{id}/orders', { params: { path: { id } }, body: {} })),
})
