import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Input, Tabs } from 'antd'
import { useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { minute } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { kinds, type Item, type Kind } from '../documents'
import { calendarQuery, listQuery } from '../queries'
import { useText } from '../text'

/** The kinds as tabs, kept in the address; what there is of one, with what is drafted. */
export function ListPage() {
  const t = useText()
  const [params, setParams] = useSearchParams()
  const kind = kinds.find((one) => one === params.get('kind')) ?? 'project'
  return (
    <>
      <Title text={t.title} />
      <Tabs
        activeKey={kind}
        items={kinds.map((one) => ({ key: one, label: <span data-testid={`content-kind-${one}`}>{t.kinds[one]}</span> }))}
        onChange={(next) => setParams({ kind: next })}
      />
      <List key={kind} kind={kind} />
    </>
  )
}

function List({ kind }: { kind: Kind }) {
  const t = useText()
  const list = useListState()
  const query = useQuery(listQuery(kind, list))
  const columns = useColumns(kind)
  return (
    <>
      {kind !== 'agreement' && <SearchBar key={list.find} label={t.find} value={list.find} search={(find) => list.change({ find })} testId="content-search" />}
      {kind === 'holidays' && <MissingYears />}
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.kinds[kind]} columns={columns} rows={items} rowKey={(one) => one.key} page={page} change={list.change} busy={query.isPlaceholderData} testId="content-list" />}
      </Ready>
      {(kind === 'project' || kind === 'holidays') && <Create kind={kind} />}
    </>
  )
}

/** The years about to come for which nobody has published a table yet: what reviews promise is counted by days from memory. */
function MissingYears() {
  const { holidays: t } = useText()
  const { data } = useQuery(calendarQuery)
  if (!data?.missingYears.length) return null
  return <Alert type="warning" showIcon title={t.missing(data.missingYears.join('、'))} style={{ marginBottom: 16 }} data-testid="content-missing-years" />
}

function useColumns(kind: Kind): Column<Item>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'title', title: c.title, cell: (one) => <span className="wrap">{one.title}{one.title !== one.key && <><br /><span className="mono quiet">{one.key}</span></>}</span> },
    { key: 'version', title: c.version, cell: (one) => (one.version > 0 ? t.version(one.version) : '—') },
    { key: 'published', title: c.published, cell: (one) => (one.version > 0 ? minute(one.publishedAt) : '—') },
    {
      key: 'draft',
      title: c.draft,
      cell: ({ draft }) => (draft ? <span className="row" style={{ gap: 6 }}><StateTag tone={draft.state === 'submitted' ? 'soon' : 'busy'} text={t.states[draft.state]} />{draft.author}</span> : '—'),
    },
    { key: 'action', title: c.action, cell: (one) => <LinkButton size="small" to={`/admin/content/${kind}/${one.key}`} aria-label={`${t.open} ${one.title}`} data-testid={`content-open-${one.key}`}>{t.open}</LinkButton> },
  ]
}

function Create({ kind }: { kind: 'project' | 'holidays' }) {
  const t = useText()
  const go = useNavigate()
  const [key, setKey] = useState('')
  const good = kind === 'project' ? /^[a-z0-9][a-z0-9-]{0,39}$/.test(key) : /^20[2-9]\d$/.test(key)
  return (
    <form
      className="row"
      style={{ marginTop: 16 }}
      onSubmit={(event) => {
        event.preventDefault()
        if (good) void go(`/admin/content/${kind}/${key}`)
      }}
    >
      <label htmlFor="content-new">{t.create[kind]}</label>
      <Input id="content-new" value={key} maxLength={40} style={{ width: 180 }} onChange={(event) => setKey(event.target.value.trim())} />
      <Button htmlType="submit" disabled={!good}>{t.create.go}</Button>
    </form>
  )
}
