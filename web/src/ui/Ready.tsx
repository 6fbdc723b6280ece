import type { UseQueryResult } from '@tanstack/react-query'
import { Spin } from 'antd'
import type { ReactNode } from 'react'
import { useCommon } from '@/i18n/common'
import { Problem } from './Problem'

/** The three states of a page: loading, ready, problem. Old data stays visible while new data fails to come. */
export function Ready<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isError && <Problem error={query.error} retry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    )
  }
  if (query.isError) return <Problem error={query.error} retry={() => void query.refetch()} />
  return <Loading />
}

export function Loading() {
  const t = useCommon()
  return (
    <div role="status" style={{ padding: 48, textAlign: 'center' }}>
      <Spin /> <span className="quiet">{t.loading}</span>
    </div>
  )
}
