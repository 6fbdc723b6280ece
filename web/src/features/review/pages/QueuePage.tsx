import { useQuery } from '@tanstack/react-query'
import { Button, Checkbox, Select } from 'antd'
import { useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { useCommon } from '@/i18n/common'
import { ApplicationTag } from '@/ui/ApplicationTag'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { Countdown } from '../parts/Countdown'
import { KeysHelp } from '../parts/KeysHelp'
import { queueQuery, type Item, type QueueFilter } from '../queries'
import { useText } from '../text'
import { useKeys } from '../useKeys'

/** What waits for review, the most pressing on top; j and k walk through it, Enter opens. */
export function QueuePage() {
  const t = useText()
  const list = useListState()
  const [filter, setFilter] = useFilter()
  const navigate = useNavigate()
  const query = useQuery(queueQuery(list, filter))
  const [at, setAt] = useState(0)
  const [help, setHelp] = useState(false)
  const items = query.data?.items ?? []
  const here = Math.min(at, Math.max(0, items.length - 1))
  useKeys(
    {
      j: () => setAt(Math.min(items.length - 1, here + 1)),
      k: () => setAt(Math.max(0, here - 1)),
      Enter: () => items[here] && void navigate(`/admin/review/${items[here].id}`),
      '?': () => setHelp(true),
    },
    !help,
  )
  const columns = useColumns(items[here]?.id)
  return (
    <>
      <Title
        text={t.page}
        extra={<span className="row"><Button className="by-key" onClick={() => setHelp(true)} aria-keyshortcuts="?">{t.keys.open} (?)</Button><LinkButton to="/admin/review/throughput">{t.throughput}</LinkButton></span>}
      />
      <SearchBar key={list.find} label={t.find} value={list.find} search={(find) => list.change({ find })} extra={<Filters filter={filter} set={setFilter} />} testId="review-search" />
      <Ready query={query}>
        {({ items: rows, page }) => (
          <DataTable label={t.page} columns={columns} rows={rows} rowKey={(item) => item.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="review-list" />
        )}
      </Ready>
      {help && <KeysHelp which="queue" close={() => setHelp(false)} />}
    </>
  )
}

const shownStates = ['pending', 'reviewing', 'second', 'returned', 'rejected', 'paying', 'ready', 'shipping', 'completed'] as const

function useFilter() {
  const { kinds } = useCommon()
  const [params, setParams] = useSearchParams()
  const kind = params.get('kind') ?? ''
  const filter: QueueFilter = {
    kind: kind in kinds ? (kind as keyof typeof kinds) : null,
    state: shownStates.find((state) => state === params.get('state')) ?? null,
    overdue: params.get('overdue') === '1',
    mine: params.get('mine') === '1',
  }
  const set = (next: QueueFilter) =>
    setParams((old) => {
      const kept = new URLSearchParams(old)
      kept.delete('page')
      for (const [name, value] of Object.entries(next)) {
        if (value) kept.set(name, value === true ? '1' : String(value))
        else kept.delete(name)
      }
      return kept
    })
  return [filter, set] as const
}

function Filters({ filter, set }: { filter: QueueFilter; set: (filter: QueueFilter) => void }) {
  const t = useText()
  const { kinds, states } = useCommon()
  const all = Object.keys(kinds) as (keyof typeof kinds)[]
  return (
    <>
      <Select
        value={filter.kind ?? ''}
        aria-label={t.kind}
        style={{ minWidth: 130 }}
        popupMatchSelectWidth={false}
        options={[{ value: '', label: t.everyKind }, ...all.map((value) => ({ value, label: kinds[value] }))]}
        onChange={(value: string) => set({ ...filter, kind: all.find((kind) => kind === value) ?? null })}
      />
      <Select
        value={filter.state ?? ''}
        aria-label={t.state}
        style={{ minWidth: 130 }}
        popupMatchSelectWidth={false}
        options={[{ value: '', label: t.waiting }, ...shownStates.map((value) => ({ value, label: states[value] }))]}
        onChange={(value: string) => set({ ...filter, state: shownStates.find((state) => state === value) ?? null })}
      />
      <Checkbox checked={filter.mine} onChange={(event) => set({ ...filter, mine: event.target.checked })}>{t.mine}</Checkbox>
      <Checkbox checked={filter.overdue} onChange={(event) => set({ ...filter, overdue: event.target.checked })}>{t.overdue}</Checkbox>
    </>
  )
}

function useColumns(hereId: string | undefined): Column<Item>[] {
  const t = useText()
  const { kinds } = useCommon()
  return [
    { key: 'due', title: t.due, cell: (item) => <Countdown item={item} /> },
    { key: 'number', title: t.number, cell: (item) => <span className="mono">{item.id === hereId && <span aria-label={t.chosen}>▸ </span>}{item.number}</span> },
    { key: 'kind', title: t.kind, cell: (item) => <>{kinds[item.kind]}{item.manual && <div className="quiet">{t.manual}</div>}</>, width: 130 },
    { key: 'organisation', title: t.organisation, cell: (item) => item.organisationName, width: 150 },
    { key: 'step', title: t.stepTitle, cell: (item) => (item.steps > 1 ? t.stepOf(item.step, item.steps) : t.oneStep) },
    { key: 'state', title: t.state, cell: (item) => <span data-testid={`review-state-${item.number}`} data-state={item.state}><ApplicationTag state={item.state} />{item.escalated && <StateTag tone="bad" text={t.escalated} />}</span> },
    { key: 'claimed', title: t.claimedBy, cell: (item) => (item.mine ? t.me : item.claimedBy || '—') },
    { key: 'action', title: t.action, cell: (item) => <LinkButton size="small" type={item.claimedBy && !item.mine ? 'default' : 'primary'} to={`/admin/review/${item.id}`} data-testid={`review-open-${item.number}`}>{item.mine ? t.goOn : t.open}</LinkButton> },
  ]
}
