import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Form, Input } from 'antd'
import { useState } from 'react'
import { useParams } from 'react-router'
import { useSecondsUntil } from '@/lib/clock'
import { moment } from '@/lib/time'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { Parcel, Track } from '../parts/Parcel'
import { confirmReceipt, receiptQuery, sendReceiptCode, type Shipment } from '../queries'
import { useText } from '../text'

/** One parcel: where it is, and 签收 with the code on the handler's phone. */
export function ReceiptPage() {
  const t = useText()
  const { id = '' } = useParams()
  const query = useQuery(receiptQuery(id))
  return (
    <>
      <Title text={t.receipts} extra={<LinkButton to="/account/receipts">{t.back}</LinkButton>} />
      <Ready query={query}>
        {(shipment) => (
          <div className="stack" data-testid="receipt">
            <section className="panel stack"><Parcel shipment={shipment} /><span className="quiet">{t.pinNote}</span></section>
            {shipment.state === 'received' ? <Done shipment={shipment} /> : (shipment.state === 'shipped' || shipment.state === 'delivered') && <Sign shipment={shipment} />}
            <Track shipment={shipment} />
          </div>
        )}
      </Ready>
    </>
  )
}

function Done({ shipment: s }: { shipment: Shipment }) {
  const t = useText()
  return (
    <Alert
      type="success"
      showIcon
      data-testid="receipt-done"
      title={t.receive.done}
      description={t.received(moment(s.receivedAt), s.receivedBy === 'system' ? t.system : (s.receivedBy ?? ''))}
      action={<LinkButton type="primary" to={`/account/applications/${s.applicationId}`} data-testid="receipt-next">{t.receive.toApplication}</LinkButton>}
    />
  )
}

function Sign({ shipment: s }: { shipment: Shipment }) {
  const { receive: t } = useText()
  const [code, setCode] = useState('')
  const send = useMutation(sendReceiptCode)
  const confirm = useMutation(confirmReceipt)
  const left = useSecondsUntil(send.data?.resendAt)
  return (
    <section className="panel stack" aria-label={t.title}>
      <h2 className="title" style={{ margin: 0 }}>{t.title}</h2>
      <span>{t.lead} <strong className="mono">{s.tokenSerial}</strong></span>
      <Alert type="warning" showIcon title={t.wrong} />
      {send.data?.simulated && (
        <Alert type="warning" showIcon title={t.simulated} description={<a href="/api/v1/dev/outbox" target="_blank" rel="noreferrer">{t.outbox}</a>} data-testid="receipt-simulated" />
      )}
      <Problem error={send.error} testId="receipt-send-problem" />
      <Form layout="vertical" onFinish={() => confirm.mutate({ id: s.id, code })}>
        <Form.Item label={t.code} htmlFor="receipt-code" required>
          <div className="row">
            <Input id="receipt-code" data-testid="receipt-code" value={code} inputMode="numeric" autoComplete="one-time-code" style={{ width: 160 }} onChange={(event) => { setCode(event.target.value.replace(/\D/g, '').slice(0, 6)); confirm.reset() }} />
            <Button onClick={() => send.mutate(s.id)} loading={send.isPending} disabled={left > 0} data-testid="receipt-send">{left > 0 ? t.again(left) : t.send}</Button>
          </div>
        </Form.Item>
        <div className="stack">
          <Problem error={confirm.error} testId="receipt-problem" />
          <div><Button type="primary" size="large" htmlType="submit" disabled={code.length !== 6} loading={confirm.isPending} data-testid="receipt-submit">{t.submit}</Button></div>
        </div>
      </Form>
    </section>
  )
}
