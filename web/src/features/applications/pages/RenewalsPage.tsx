import { useMutation, useQuery } from '@tanstack/react-query'
import { Button, Checkbox, Empty } from 'antd'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { day, moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import type { Schema } from '@/api/client'
import { batchesQuery, createBatch, eligible, most, useBatchText, type Batch } from '../batch'
import { choicesQuery } from '../queries'

/** 批量延期: choose certificates, and find a batch that was begun. */
export function RenewalsPage() {
  const t = useBatchText()
  return (
    <>
      <Title text={t.page} extra={<LinkButton to="/account/certificates">{t.back}</LinkButton>} />
      <p className="quiet" style={{ marginTop: 0 }}>{t.lead}</p>
      <div className="stack" style={{ gap: 24 }}>
        <Choice />
        <Begun />
      </div>
    </>
  )
}

function Choice() {
  const t = useBatchText()
  const query = useQuery(choicesQuery)
  return (
    <section className="panel stack" aria-label={t.pick} data-testid="renewals-choice">
      <h2 className="title" style={{ margin: 0 }}>{t.pick}</h2>
      <Ready query={query}>{(items) => <Pick items={items.filter(eligible)} />}</Ready>
    </section>
  )
}

function Pick({ items }: { items: readonly Schema<'Certificate'>[] }) {
  const t = useBatchText()
  const navigate = useNavigate()
  const [picked, pick] = useState<readonly string[]>([])
  const start = useMutation({ ...createBatch, onSuccess: (batch) => void navigate(`/account/renewals/${batch.id}`) })
  if (items.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.none} data-testid="renewals-none" />
  const offered = items.slice(0, most).map(({ id }) => id)
  const whole = picked.length === offered.length
  return (
    <>
      <Checkbox checked={whole} indeterminate={picked.length > 0 && !whole} onChange={() => pick(whole ? [] : offered)} data-testid="renewals-all">
        {t.all} {items.length > most && <span className="quiet">({t.most(most)})</span>}
      </Checkbox>
      <Checkbox.Group value={[...picked]} onChange={(ids) => pick(ids.slice(0, most))} className="choices" aria-label={t.pick}>
        {items.map((one) => (
          <Checkbox key={one.id} value={one.id} data-testid={`renewals-pick-${one.serialHex}`}>
            {one.name} <span className="mono">{one.serialHex}</span> <span className="quiet">{t.until(day(one.notAfter))}</span>{' '}
            <StateTag tone={one.renewable ? 'good' : 'soon'} text={one.renewable ? t.paid : t.unpaid} />
          </Checkbox>
        ))}
      </Checkbox.Group>
      <p className="quiet" style={{ margin: 0 }}>{t.order}</p>
      <Problem error={start.error} testId="renewals-problem" />
      <div className="row">
        <Button type="primary" size="large" disabled={picked.length === 0} loading={start.isPending} onClick={() => start.mutate([...picked])} data-testid="renewals-start">{t.start}</Button>
        <span className="quiet" role="status">{t.chosen(picked.length)}</span>
      </div>
    </>
  )
}

function Begun() {
  const t = useBatchText()
  const list = useListState()
  const query = useQuery(batchesQuery(list))
  const columns: Column<Batch>[] = [
    { key: 'number', title: t.columns.number, cell: (b) => <span className="mono">{b.number}</span> },
    { key: 'created', title: t.columns.created, cell: (b) => moment(b.createdAt) },
    { key: 'progress', title: t.columns.progress, cell: (b) => <StateTag tone={b.done === b.total ? 'good' : 'busy'} text={t.progress(b.done, b.total)} /> },
    {
      key: 'action',
      title: t.columns.action,
      cell: (b) => (
        <LinkButton size="small" type={b.done === b.total ? 'default' : 'primary'} to={`/account/renewals/${b.id}`} data-testid={`renewals-open-${b.number}`}>{b.done === b.total ? t.view : t.open}</LinkButton>
      ),
    },
  ]
  if (query.data?.page.total === 0) return null
  return (
    <section>
      <h2 className="title">{t.past}</h2>
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.past} columns={columns} rows={items} rowKey={(b) => b.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="renewals-list" />}
      </Ready>
    </section>
  )
}
