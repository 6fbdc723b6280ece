import { useQuery } from '@tanstack/react-query'
import { Select } from 'antd'
import { useSearchParams } from 'react-router'
import { useCommon } from '@/i18n/common'
import { moment } from '@/lib/time'
import { ApplicationTag } from '@/ui/ApplicationTag'
import { DataTable, type Column } from '@/ui/DataTable'
import { Due } from '@/ui/Due'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { applicationsQuery, type Application, type Filter, type Kind } from '../queries'
import { useText } from '../text'

/** 我的申请: all of them, or those of a kind or in a state, kept in the address. */
export function ApplicationsPage() {
  const t = useText()
  const { kinds, states } = useCommon()
  const list = useListState()
  const [filter, setFilter] = useFilter()
  const query = useQuery(applicationsQuery(list, filter))
  const columns = useColumns()
  const filters = (
    <>
      <Choice words={kinds} value={filter.kind} every={t.everyKind} choose={(kind) => setFilter({ ...filter, kind })} testId="application-kind" />
      <Choice words={states} value={filter.state} every={t.everyState} choose={(state) => setFilter({ ...filter, state })} testId="application-state" />
    </>
  )
  return (
    <>
      <Title text={t.list} extra={<LinkButton to="/account/apply" type="primary">{t.apply.page}</LinkButton>} />
      <SearchBar key={list.find} label={t.find} value={list.find} search={(find) => list.change({ find })} extra={filters} testId="application-search" />
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.list} columns={columns} rows={items} rowKey={(a) => a.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="application-list" />
        )}
      </Ready>
    </>
  )
}

function useFilter() {
  const { kinds, states } = useCommon()
  const [params, setParams] = useSearchParams()
  const named = (name: string, words: object) => {
    const value = params.get(name) ?? ''
    return value in words ? value : null
  }
  const filter: Filter = { kind: named('kind', kinds) as Kind | null, state: named('state', states) as Application['state'] | null }
  const set = (next: Filter) =>
    setParams((old) => {
      const kept = new URLSearchParams(old)
      kept.delete('page')
      for (const name of ['kind', 'state'] as const) {
        if (next[name]) kept.set(name, next[name])
        else kept.delete(name)
      }
      return kept
    })
  return [filter, set] as const
}

interface ChoiceProps<Value extends string> {
  words: Record<Value, string>
  value: Value | null
  every: string
  choose: (value: Value | null) => void
  testId: string
}

function Choice<Value extends string>({ words, value, every, choose, testId }: ChoiceProps<Value>) {
  const values = Object.keys(words) as Value[]
  return (
    <Select
      value={value ?? ''}
      aria-label={every}
      style={{ minWidth: 140 }}
      popupMatchSelectWidth={false}
      data-testid={testId}
      options={[{ value: '', label: every }, ...values.map((one) => ({ value: one, label: words[one] }))]}
      onChange={(next: string) => choose(values.find((one) => one === next) ?? null)}
    />
  )
}

const over: readonly Application['state'][] = ['completed', 'withdrawn', 'failed', 'rejected']
const theirs: readonly Application['state'][] = ['pending', 'reviewing', 'second', 'shipping']

function useColumns(): Column<Application>[] {
  const t = useText()
  const { kinds } = useCommon()
  const word = (state: Application['state']) => (over.includes(state) || theirs.includes(state) ? t.view : t.open)
  return [
    { key: 'number', title: t.number, cell: (a) => <span className="mono">{a.number}</span> },
    { key: 'kind', title: t.kind, cell: (a) => kinds[a.kind], width: 130 },
    { key: 'certificate', title: t.certificate, cell: (a) => a.certificateName || a.organisationName || '—', width: 150 },
    { key: 'serial', title: t.serial, cell: (a) => <span className="mono">{a.serialHex || '—'}</span>, width: 170 },
    { key: 'created', title: t.created, cell: (a) => moment(a.createdAt), width: 110 },
    { key: 'state', title: t.state, cell: (a) => <div className="stack" style={{ gap: 4, maxWidth: 180 }}><span data-testid={`application-state-${a.number}`} data-state={a.state}><ApplicationTag state={a.state} /></span><small><Due application={a} /></small></div> },
    {
      key: 'action',
      title: t.action,
      cell: (a) => (
        <LinkButton size="small" to={`/account/applications/${a.id}`} type={word(a.state) === t.view ? 'default' : 'primary'} data-testid={`application-open-${a.number}`}>
          {word(a.state)}
        </LinkButton>
      ),
    },
  ]
}
