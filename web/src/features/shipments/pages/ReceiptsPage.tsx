import { useQuery } from '@tanstack/react-query'
import { Empty } from 'antd'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { kindOf } from '../parts/Parcel'
import { ShipmentTag } from '../parts/ShipmentTag'
import { receiptsQuery, type Shipment } from '../queries'
import { useText } from '../text'

/** 我的签收. Source: S002-29, S002-56. */
export function ReceiptsPage() {
  const t = useText()
  const list = useListState()
  const query = useQuery(receiptsQuery(list))
  const columns = useColumns()
  return (
    <>
      <Title text={t.receipts} />
      <Ready query={query}>
        {({ items, page }) =>
          page.total === 0 ? (
            <Empty description={t.empty} data-testid="receipts-empty" />
          ) : (
            <DataTable label={t.receipts} columns={columns} rows={items} rowKey={(s) => s.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="receipts-list" />
          )
        }
      </Ready>
    </>
  )
}

const waits = (s: Shipment) => s.state === 'shipped' || s.state === 'delivered'

function useColumns(): Column<Shipment>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'number', title: c.number, cell: (s) => <span className="mono">{s.number}</span> },
    { key: 'application', title: c.application, cell: (s) => <>{kindOf(t.kinds, s.applicationKind)} <span className="mono">{s.applicationNumber}</span></> },
    { key: 'token', title: c.token, cell: (s) => <span className="mono">{s.tokenSerial || '—'}</span> },
    { key: 'carrier', title: c.carrier, cell: (s) => (s.carrierName ? <>{s.carrierName} <span className="mono">{s.tracking}</span></> : '—') },
    { key: 'state', title: c.state, cell: (s) => <ShipmentTag state={s.state} /> },
    { key: 'changed', title: c.changed, cell: (s) => moment(s.updatedAt) },
    {
      key: 'action',
      title: c.action,
      cell: (s) => (
        <LinkButton size="small" type={waits(s) ? 'primary' : 'default'} to={`/account/receipts/${s.id}`} data-testid={`receipt-open-${s.number}`}>{waits(s) ? t.sign : t.view}</LinkButton>
      ),
    },
  ]
}
