import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'

export type Step = Schema<'StatisticsStep'>
export type Figures = Schema<'StatisticsFigures'>

export interface Asked {
  by: Step
  from: string
  to: string
  project: string
  region: string
}

/** What of a question is said; the rest is the server's default. */
export const said = (asked: Asked) => Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== '')) as Partial<Asked>

export const statisticsQuery = (asked: Asked) =>
  queryOptions({
    queryKey: ['statistics', asked],
    placeholderData: keepPreviousData,
    refetchInterval: 5 * 60_000,
    queryFn: ({ signal }) => body(api.GET('/admin/statistics', { params: { query: said(asked) }, signal })),
  })
