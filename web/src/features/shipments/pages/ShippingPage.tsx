import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Select } from 'antd'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { Label } from '../parts/Label'
import { kindOf } from '../parts/Parcel'
import { ShipmentTag } from '../parts/ShipmentTag'
import { ShippingDialog, type Act } from '../parts/ShippingDialog'
import { shipmentsQuery, type Shipment, type ShipmentState } from '../queries'
import { useText } from '../text'

const states: readonly ShipmentState[] = ['waiting', 'packed', 'shipped', 'delivered', 'received', 'returned']

interface Asked {
  shipment: Shipment
  act: Act
}

/** Shippers: what is to be sent, the longest waiting first; pack, send, note what became of it. */
export function ShippingPage() {
  const t = useText()
  const list = useListState()
  const [params, setParams] = useSearchParams()
  const named = params.get('state') ?? 'waiting'
  const state = states.find((s) => s === named) ?? null
  const query = useQuery({ ...shipmentsQuery(list, state), refetchInterval: 30_000 })
  const [asked, setAsked] = useState<Asked | null>(null)
  const [done, setDone] = useState<Shipment | null>(null)
  const [label, setLabel] = useState<Shipment | null>(null)
  const columns = useColumns(setAsked, setLabel)
  const filter = (
    <Select
      value={state ?? 'all'}
      aria-label={t.columns.state}
      style={{ minWidth: 140 }}
      data-testid="shipping-filter"
      options={[{ value: 'all', label: t.all }, ...states.map((value) => ({ value, label: t.states[value] }))]}
      onChange={(value: string) => setParams({ state: value })}
    />
  )
  return (
    <>
      <Title text={t.office} extra={filter} />
      <SearchBar label={t.search} value={list.find} search={(find) => list.change({ find })} testId="shipping-find" />
      {done && <Alert type="success" showIcon closable={{ onClose: () => setDone(null) }} title={t.done(done.number, t.states[done.state])} data-testid="shipping-done" style={{ marginBottom: 16 }} />}
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.office} columns={columns} rows={items} rowKey={(s) => s.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="shipping-list" />}
      </Ready>
      {asked && (
        <ShippingDialog
          {...asked}
          close={() => setAsked(null)}
          done={(shipment) => {
            setAsked(null)
            setDone(shipment)
          }}
        />
      )}
      {label && <Label shipment={label} close={() => setLabel(null)} />}
    </>
  )
}

/** What can be done with a shipment in a state. */
const acts: Record<Shipment['state'], readonly Act[]> = {
  planned: [], waiting: ['pack'], packed: ['ship', 'pack'], shipped: ['delivered', 'returned'], delivered: ['returned'], received: [], returned: ['pack'],
}

function useColumns(ask: (asked: Asked) => void, print: (shipment: Shipment) => void): Column<Shipment>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'number', title: c.number, cell: (s) => <><span className="mono">{s.number}</span><br /><span className="quiet">{kindOf(t.kinds, s.applicationKind)} {s.applicationNumber}</span></> },
    { key: 'organisation', title: c.organisation, cell: (s) => <span className="wrap">{s.organisationName}<br /><span className="quiet">{s.address.name} {s.address.phone}<br />{s.address.region} {s.address.street}</span></span>, width: 240 },
    { key: 'token', title: c.token, cell: (s) => <span className="mono">{s.tokenSerial || '—'}</span> },
    { key: 'carrier', title: c.carrier, cell: (s) => (s.carrierName ? <>{s.carrierName}<br /><span className="mono">{s.tracking}</span></> : '—') },
    { key: 'state', title: c.state, cell: (s) => <span data-testid={`shipping-state-${s.number}`} data-state={s.state}><ShipmentTag state={s.state} /></span> },
    { key: 'changed', title: c.changed, cell: (s) => moment(s.updatedAt) },
    {
      key: 'action',
      title: c.action,
      cell: (s) => (
        <span className="row" style={{ gap: 6 }}>
          {acts[s.state].map((act, i) => (
            <Button key={act} size="small" type={i === 0 && act !== 'returned' ? 'primary' : 'default'} onClick={() => ask({ shipment: s, act })} data-testid={`shipping-${act}-${s.number}`} aria-label={`${act === 'pack' && s.state !== 'waiting' ? t.pack.again : t[act].act} ${s.number}`}>
              {act === 'pack' && s.state !== 'waiting' ? t.pack.again : t[act].act}
            </Button>
          ))}
          <Button size="small" onClick={() => print(s)} data-testid={`shipping-label-${s.number}`} aria-label={`${t.label.act} ${s.number}`}>{t.label.act}</Button>
        </span>
      ),
    },
  ]
}
