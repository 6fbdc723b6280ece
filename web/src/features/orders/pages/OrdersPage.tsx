import { useQuery } from '@tanstack/react-query'
import { Select } from 'antd'
import { useSearchParams } from 'react-router'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { yuan } from '@/lib/money'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { OrderTag } from '../parts/OrderTag'
import { ordersQuery } from '../queries'
import { useText } from '../text'

const states = ['pending', 'paid', 'closed', 'refunded'] as const

/** 我的订单 */
export function OrdersPage() {
  const t = useText()
  const common = useCommon()
  const list = useListState()
  const [params, setParams] = useSearchParams()
  const state = states.find((s) => s === params.get('state')) ?? null
  const query = useQuery(ordersQuery(list, state))
  const columns = useColumns()
  return (
    <>
      <Title text={t.page} />
      <div className="panel row" style={{ padding: '12px 20px', marginBottom: 16 }}>
        <strong>{common.condition}</strong>
        <label className="row">
          {t.columns.state}
          <Select
            value={state ?? ''}
            aria-label={t.columns.state}
            style={{ minWidth: 140 }}
            data-testid="order-filter"
            options={[{ value: '', label: t.all }, ...states.map((value) => ({ value, label: t.states[value] }))]}
            onChange={(value: string) => setParams(value ? { state: value } : {})}
          />
        </label>
      </div>
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.page} columns={columns} rows={items} rowKey={(o) => o.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="order-list" />
        )}
      </Ready>
    </>
  )
}

function useColumns(): Column<Schema<'Order'>>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'number', title: c.number, cell: (o) => <span className="mono">{o.number}</span> },
    { key: 'title', title: c.title, cell: (o) => o.title },
    { key: 'amount', title: c.amount, cell: (o) => (o.amountCents === 0 ? t.free : yuan(o.amountCents)) },
    { key: 'state', title: c.state, cell: (o) => <OrderTag state={o.state} /> },
    { key: 'created', title: c.created, cell: (o) => moment(o.createdAt) },
    {
      key: 'action',
      title: c.action,
      cell: (o) => (
        <LinkButton size="small" to={`/account/orders/${o.id}`} type={o.state === 'pending' ? 'primary' : 'default'} data-testid={`order-open-${o.number}`}>
          {o.state === 'pending' ? t.pay : t.view}
        </LinkButton>
      ),
    },
  ]
}
