import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Button, Input, Select } from 'antd'
import { useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { has, sessionQuery } from '@/api/session'
import { day } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Loading } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { BatchPanel } from '../parts/BatchPanel'
import { State } from '../parts/State'
import { searchQuery, type Asked } from '../queries'
import { useText } from '../text'

const read = (params: URLSearchParams): Asked => ({
  by: (['name', 'code', 'serial', 'key', 'token'] as const).find((b) => b === params.get('by')) ?? 'name',
  value: params.get('value') ?? '',
  state: (['good', 'suspended', 'revoked'] as const).find((s) => s === params.get('state')) ?? '',
  origin: (['issued', 'imported'] as const).find((o) => o === params.get('origin')) ?? '',
  before: params.get('before') ?? '',
})

/** All certificates, ours and imported: the newest first until something is looked for. */
export function SearchPage() {
  const t = useText()
  const session = useQuery(sessionQuery)
  const [params, setParams] = useSearchParams()
  const asked = read(params)
  const [draft, setDraft] = useState(asked)
  const [many, setMany] = useState(false)
  const put = (next: Asked) => {
    setDraft(next)
    setParams(Object.fromEntries(Object.entries(next).filter(([, v]) => v !== '')))
  }
  const query = useInfiniteQuery(searchQuery(asked))
  const rows = query.data?.pages.flatMap((p) => p.items) ?? []
  const mayChange = session.data ? has(session.data, 'reviewer', 'approver') : false
  return (
    <>
      <Title text={t.title} extra={<Button onClick={() => setMany(!many)} aria-expanded={many} data-testid="inventory-many">{t.batches}</Button>} />
      {many && <BatchPanel mayChange={mayChange} />}
      <form className="panel" role="search" aria-label={t.search} style={{ padding: '12px 20px', marginBottom: 16 }} onSubmit={(event) => { event.preventDefault(); put({ ...draft, value: draft.value.trim() }) }}>
        <div className="row">
          <Select value={draft.by} aria-label={t.find} style={{ minWidth: 170 }} data-testid="inventory-by" options={(['name', 'code', 'serial', 'key', 'token'] as const).map((value) => ({ value, label: t.by[value] }))} onChange={(by) => setDraft({ ...draft, by })} />
          <Input value={draft.value} aria-label={t.by[draft.by]} maxLength={200} allowClear style={{ width: 300, maxWidth: '100%' }} data-testid="inventory-value" onChange={(event) => setDraft({ ...draft, value: event.target.value })} />
          <Select value={draft.state} aria-label={t.state} style={{ minWidth: 120 }} options={[{ value: '' as const, label: t.allStates }, ...(['good', 'suspended', 'revoked'] as const).map((value) => ({ value, label: t.states[value] }))]} onChange={(state) => setDraft({ ...draft, state })} />
          <Select value={draft.origin} aria-label={t.facts.origin} style={{ minWidth: 140 }} options={[{ value: '' as const, label: t.allOrigins }, ...(['issued', 'imported'] as const).map((value) => ({ value, label: t.origins[value] }))]} onChange={(origin) => setDraft({ ...draft, origin })} />
          <label className="row">{t.expires} <Input type="date" value={draft.before} style={{ width: 150 }} onChange={(event) => setDraft({ ...draft, before: event.target.value })} /></label>
          <Button htmlType="submit" type="primary" data-testid="inventory-search">{t.search}</Button>
        </div>
      </form>
      <Problem error={query.error} retry={() => void query.refetch()} />
      {query.isPending ? <Loading /> : (
        <section aria-label={t.title} data-testid="inventory-list">
          <ul className="cards">
            {rows.map((c) => (
              <li key={c.id}>
                <div className="row" style={{ justifyContent: 'space-between' }}>
                  <Link to={`/admin/certificates/${encodeURIComponent(c.id)}`} data-testid={`inventory-${c.serialHex}`}><strong className="wrap">{c.name}</strong></Link>
                  <State of={c} />
                </div>
                <div className="wrap"><span className="mono">{c.serialHex}</span> <span className="quiet">{c.issuerName} · {day(c.notBefore)} – {day(c.notAfter)}{c.tokenSerial ? ` · UKey ${c.tokenSerial}` : ''} · {t.origins[c.origin]}</span></div>
              </li>
            ))}
          </ul>
          {rows.length === 0 && <p className="quiet" role="status">{query.hasNextPage ? t.soFar : t.none}</p>}
          {query.hasNextPage && <Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()} data-testid="inventory-more">{t.more}</Button>}
        </section>
      )}
    </>
  )
}
