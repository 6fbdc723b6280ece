import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, body } from '@/api/client'
import type { ListState } from '@/ui/useListState'

export const projectsQuery = ({ page, size, find }: ListState) =>
  queryOptions({
    queryKey: ['projects', { page, size, find }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      body(api.GET('/projects', { params: { query: { page, size, ...(find ? { search: find } : {}) } }, signal })),
  })

export const projectQuery = (slug: string) =>
  queryOptions({
    queryKey: ['project', slug],
    staleTime: 60_000,
    queryFn: ({ signal }) => body(api.GET('/projects/{slug}', { params: { path: { slug } }, signal })),
  })
