import { Alert } from 'antd'
import { minute, moment } from '@/lib/time'
import { Facts, type Fact } from '@/ui/Facts'
import type { Shipment } from '../queries'
import { useText } from '../text'
import { ShipmentTag } from './ShipmentTag'

/** What a shipment is, where it goes, and where it is. */
export function Parcel({ shipment: s }: { shipment: Shipment }) {
  const t = useText()
  const facts: Fact[] = [
    { key: 'number', label: t.columns.number, value: <span className="mono">{s.number}</span> },
    { key: 'state', label: t.columns.state, value: <span data-testid="shipment-state" data-state={s.state}><ShipmentTag state={s.state} /></span> },
    { key: 'application', label: t.columns.application, value: <><span className="mono">{s.applicationNumber}</span> {kindOf(t.kinds, s.applicationKind)}</> },
    { key: 'organisation', label: t.columns.organisation, value: s.organisationName },
    { key: 'token', label: t.columns.token, value: <span className="mono">{s.tokenSerial || '—'}</span> },
    { key: 'carrier', label: t.columns.carrier, value: s.carrierName ? <>{s.carrierName} <span className="mono">{s.tracking}</span></> : '—' },
    { key: 'address', label: t.address, value: `${s.address.name} ${s.address.phone} ${s.address.region} ${s.address.street} ${s.address.postcode ?? ''}` },
  ]
  const time = (key: 'shippedAt' | 'deliveredAt' | 'receivedAt') => s[key] && facts.push({ key, label: t.facts[key], value: moment(s[key]) })
  time('shippedAt')
  time('deliveredAt')
  time('receivedAt')
  if (s.packedBy) facts.push({ key: 'packedBy', label: t.facts.packedBy, value: s.packedBy })
  if (s.note) facts.push({ key: 'note', label: t.facts.note, value: s.note })
  return <Facts facts={facts} />
}

export const kindOf = (kinds: Record<string, string>, kind: string) => kinds[kind] ?? kinds['other'] ?? ''

/** What the carrier says, newest first. */
export function Track({ shipment: s }: { shipment: Shipment }) {
  const t = useText()
  if (!s.shippedAt) return null
  return (
    <section className="panel stack" aria-label={t.trackTitle} data-testid="shipment-track">
      <h2 className="title" style={{ margin: 0 }}>{t.trackTitle}</h2>
      {!s.tracked && <Alert type="info" showIcon title={t.byHand} />}
      {s.track.length === 0 ? <span className="quiet">{t.trackEmpty}</span> : (
        <ol style={{ margin: 0, paddingInlineStart: 20 }}>
          {s.track.map((event) => <li key={event.at + event.text}><span className="mono">{minute(event.at)}</span> {event.text}</li>)}
        </ol>
      )}
      {s.trackUrl && <div><a href={s.trackUrl} target="_blank" rel="noreferrer">{t.lookUp}</a></div>}
      {s.settlesAt && <span>{t.settles(minute(s.settlesAt))}</span>}
    </section>
  )
}
