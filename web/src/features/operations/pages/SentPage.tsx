import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Select } from 'antd'
import { useSearchParams } from 'react-router'
import type { Schema } from '@/api/client'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { resend, sentQuery, type Outcome } from '../queries'
import { useText } from '../text'

type Sent = Schema<'SentNotice'>

const outcomes: readonly Outcome[] = ['waiting', 'sent', 'failed', 'dropped', 'simulated']
const tones: Record<Outcome, Tone> = { waiting: 'busy', sent: 'good', failed: 'bad', dropped: 'quiet', simulated: 'mark' }

/** 通知发送记录: messages to people and how their delivery fares. */
export function SentPage() {
  const t = useText().sent
  const list = useListState()
  const [params, setParams] = useSearchParams()
  const state = outcomes.find((s) => s === params.get('state')) ?? null
  const query = useQuery(sentQuery(list, state))
  const again = useMutation(resend)
  const columns: Column<Sent>[] = [
    { key: 'at', title: t.columns.at, cell: (n) => moment(n.at) },
    { key: 'to', title: t.columns.to, cell: (n) => <><span className="mono">{n.to}</span><br /><span className="quiet">{n.mail ? t.mail : t.sms}</span></> },
    { key: 'text', title: t.columns.text, cell: (n) => <span className="wrap">{n.text}{n.error && <><br /><span className="mono quiet">{n.error}</span></>}</span>, width: 420 },
    { key: 'state', title: t.columns.state, cell: (n) => <StateTag tone={tones[n.state]} text={t.states[n.state]} /> },
    { key: 'action', title: t.columns.action, cell: (n) => (n.again && query.data?.mayRetry ? <Button size="small" loading={again.isPending && again.variables === n.id} onClick={() => again.mutate(n.id)} data-testid={`sent-retry-${n.id}`}>{t.retry}</Button> : '—') },
  ]
  const filter = (
    <Select
      value={state ?? 'all'}
      aria-label={t.columns.state}
      style={{ minWidth: 180 }}
      data-testid="sent-filter"
      options={[{ value: 'all', label: t.all }, ...outcomes.map((value) => ({ value, label: t.states[value] }))]}
      onChange={(value: string) => setParams(value === 'all' ? {} : { state: value })}
    />
  )
  return (
    <>
      <Title text={t.title} extra={filter} />
      <SearchBar label={t.search} value={list.find} search={(find) => list.change({ find })} testId="sent-find" />
      <Problem error={again.error} />
      {again.isSuccess && <Alert type="success" showIcon title={t.asked} style={{ marginBottom: 16 }} />}
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.title} columns={columns} rows={items} rowKey={(n) => n.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="sent-list" />}
      </Ready>
    </>
  )
}
