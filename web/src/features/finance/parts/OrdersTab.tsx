import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Select } from 'antd'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import type { Schema } from '@/api/client'
import { fileAddress } from '@/lib/file'
import { yuan } from '@/lib/money'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { StateTag, type Tone } from '@/ui/StateTag'
import { useListState } from '@/ui/useListState'
import { AskRefundDialog } from './AskRefundDialog'
import { ConfirmDialog } from './ConfirmDialog'
import { allOrdersQuery } from '../queries'
import { useText } from '../text'

type Order = Schema<'Order'>
const states = ['pending', 'paid', 'closed', 'refunded'] as const

/** Find a transfer by its remark code and confirm it. */
export function OrdersTab() {
  const t = useText()
  const list = useListState()
  const [params, setParams] = useSearchParams()
  const state = states.find((s) => s === params.get('state')) ?? null
  const query = useQuery(allOrdersQuery(list, state))
  const [confirming, setConfirming] = useState<Order | null>(null)
  const [confirmed, setConfirmed] = useState<Order | null>(null)
  const [refunding, setRefunding] = useState<Order | null>(null)
  const [asked, setAsked] = useState('')
  const columns = useColumns(setConfirming, setRefunding)
  const filter = (
    <Select
      value={state ?? ''}
      aria-label={t.columns.state}
      style={{ minWidth: 130 }}
      data-testid="finance-filter"
      options={[{ value: '', label: t.all }, ...states.map((value) => ({ value, label: t.states[value] }))]}
      onChange={(value: string) => setParams((old) => withState(old, value))}
    />
  )
  return (
    <>
      <div className="row" style={{ marginBottom: 12 }}>
        {(['csv', 'xlsx'] as const).map((format) => (
          <Button key={format} href={fileAddress(`/admin/order-export?${String(new URLSearchParams({ format, ...(state ? { state } : {}), ...(list.find ? { search: list.find } : {}) }))}`)} download data-testid={`finance-export-${format}`}>
            {format === 'csv' ? t.exportCSV : t.exportXLSX}
          </Button>
        ))}
      </div>
      {asked && <Alert type="success" showIcon closable={{ onClose: () => setAsked('') }} title={t.refund.asked(asked)} data-testid="finance-refund-asked" style={{ marginBottom: 16 }} />}
      {confirmed && <Alert type="success" showIcon closable={{ onClose: () => setConfirmed(null) }} title={t.confirmed(confirmed.number)} data-testid="finance-confirmed" style={{ marginBottom: 16 }} />}
      <SearchBar key={list.find} label={t.find} value={list.find} search={(find) => list.change({ find })} extra={filter} testId="finance-search" />
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.page} columns={columns} rows={items} rowKey={(o) => o.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="finance-list" />
        )}
      </Ready>
      {refunding && (
        <AskRefundDialog
          order={refunding}
          close={() => setRefunding(null)}
          done={() => {
            setAsked(refunding.number)
            setRefunding(null)
          }}
        />
      )}
      {confirming && (
        <ConfirmDialog
          order={confirming}
          close={() => setConfirming(null)}
          done={(order) => {
            setConfirming(null)
            setConfirmed(order)
          }}
        />
      )}
    </>
  )
}

function withState(old: URLSearchParams, state: string): URLSearchParams {
  const next = new URLSearchParams(old)
  next.delete('page')
  if (state) next.set('state', state)
  else next.delete('state')
  return next
}

const tones: Record<Schema<'OrderState'>, Tone> = { pending: 'soon', paid: 'good', closed: 'quiet', refunded: 'quiet' }

function useColumns(confirm: (order: Order) => void, refund: (order: Order) => void): Column<Order>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'number', title: c.number, cell: (o) => <span className="mono">{o.number}</span> },
    { key: 'organisation', title: c.organisation, cell: (o) => o.organisationName || '—', width: 130 },
    { key: 'title', title: c.title, cell: (o) => o.title, width: 140 },
    { key: 'amount', title: c.amount, cell: (o) => (o.amountCents === 0 ? t.free : yuan(o.amountCents)) },
    { key: 'remark', title: c.remark, cell: (o) => <span className="mono">{o.transfer?.remark ?? '—'}</span> },
    { key: 'state', title: c.state, cell: (o) => <span data-testid={`finance-state-${o.number}`} data-state={o.state}><StateTag tone={tones[o.state]} text={t.states[o.state]} /></span> },
    { key: 'slip', title: t.slip, cell: (o) => (o.slip ? <a href={fileAddress(`/admin/orders/${o.id}/slip`)} download aria-label={t.slipAria(o.number)} data-testid={`finance-slip-${o.number}`}>{t.slip}</a> : '—') },
    { key: 'created', title: c.created, cell: (o) => moment(o.createdAt), width: 104 },
    {
      key: 'action',
      title: c.action,
      width: 120,
      cell: (o) =>
        o.state === 'pending' ? (
          <Button size="small" type="primary" onClick={() => confirm(o)} aria-label={t.confirmAria(o.number)} data-testid={`finance-confirm-${o.number}`}>{t.confirm}</Button>
        ) : (
          <span className="row">
            <span className="quiet wrap">{o.confirmedBy ? `${t.confirmedBy} ${o.confirmedBy}` : '—'}</span>
            {o.state === 'paid' && o.amountCents > 0 && <Button size="small" onClick={() => refund(o)} aria-label={t.refundAria(o.number)} data-testid={`finance-refund-${o.number}`}>{t.refund.ask}</Button>}
          </span>
        ),
    },
  ]
}
