import { Button, Modal } from 'antd'
import type { Shipment } from '../queries'
import { useText } from '../text'
import './label.css'

/** The address label, to be printed and put on the parcel; only it is on the paper. */
export function Label({ shipment: s, close }: { shipment: Shipment; close: () => void }) {
  const { label: t } = useText()
  return (
    <Modal open title={t.title} onCancel={close} footer={<Button type="primary" onClick={() => print()} data-testid="label-print">{t.print}</Button>}>
      <div className="parcel-label" data-testid="label">
        <div className="parcel-to"><span>{t.to}</span> <strong>{s.address.name}</strong> <span className="mono">{s.address.phone}</span></div>
        <div className="parcel-address">{s.address.region} {s.address.street} {s.address.postcode}</div>
        <div>{s.organisationName}</div>
        <hr />
        <div><span>{t.from}</span> {t.sender}</div>
        <div>{t.ref} <span className="mono">{s.number}</span> · {t.content}</div>
        {s.tracking ? <div>{s.carrierName} <strong className="mono">{s.tracking}</strong></div> : <div className="quiet">{t.blank}</div>}
      </div>
    </Modal>
  )
}
