import { useMutation } from '@tanstack/react-query'
import { Form, Input, Modal, Select } from 'antd'
import { useCommon } from '@/i18n/common'
import { Problem } from '@/ui/Problem'
import { deliver, giveBack, pack, ship, type Shipment } from '../queries'
import type { Schema } from '@/api/client'
import { useText } from '../text'

export type Act = 'pack' | 'ship' | 'delivered' | 'returned'

interface Props {
  shipment: Shipment
  act: Act
  close: () => void
  done: (shipment: Shipment) => void
}

interface Values {
  tokenSerial?: string
  note?: string
  carrier?: Schema<'ShipRequest'>['carrier']
  tracking?: string
}

/** One act of a shipper. */
export function ShippingDialog({ shipment, act, close, done }: Props) {
  const t = useText()
  const common = useCommon()
  const [form] = Form.useForm<Values>()
  const { id } = shipment
  const run = useMutation({
    meta: { changes: [['shipments']] },
    mutationFn: ({ tokenSerial = '', note = '', carrier = 'shunfeng', tracking = '' }: Values) => {
      switch (act) {
        case 'pack': return pack(id, { tokenSerial: tokenSerial.trim(), ...(note.trim() ? { note: note.trim() } : {}) })
        case 'ship': return ship(id, { carrier, tracking: tracking.trim() })
        case 'delivered': return deliver(id)
        case 'returned': return giveBack(id, note.trim())
      }
    },
    onSuccess: done,
  })
  const words = { pack: t.pack.title, ship: t.ship.title, delivered: t.delivered.act, returned: t.returned.title }
  const submit = { pack: t.pack.submit, ship: t.ship.submit, delivered: t.delivered.act, returned: t.returned.submit }
  return (
    <Modal open title={words[act]} okText={submit[act]} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={run.isPending} okButtonProps={{ 'data-testid': 'shipping-submit' }}>
      <div className="stack">
        <span><span className="mono">{shipment.number}</span> · {shipment.organisationName}</span>
        <Form form={form} name="shipping" layout="vertical" initialValues={{ carrier: 'shunfeng', tokenSerial: shipment.tokenSerial }} onFinish={(values) => run.mutate(values)}>
          {act === 'pack' && (
            <>
              <p className="quiet" style={{ marginTop: 0 }}>{t.pack.hint}</p>
              <Form.Item name="tokenSerial" label={t.pack.serial} rules={[{ required: true, whitespace: true }]}><Input maxLength={64} autoFocus data-testid="shipping-serial" /></Form.Item>
              <Form.Item name="note" label={t.pack.note}><Input maxLength={200} /></Form.Item>
            </>
          )}
          {act === 'ship' && (
            <>
              <Form.Item name="carrier" label={t.ship.carrier} rules={[{ required: true }]}>
                <Select data-testid="shipping-carrier" options={Object.entries(t.carriers).map(([value, label]) => ({ value, label }))} />
              </Form.Item>
              <Form.Item name="tracking" label={t.ship.tracking} rules={[{ required: true, whitespace: true }]}><Input maxLength={40} autoFocus data-testid="shipping-tracking" /></Form.Item>
            </>
          )}
          {act === 'delivered' && <p>{t.delivered.ask}</p>}
          {act === 'returned' && <Form.Item name="note" label={t.returned.note} rules={[{ required: true, whitespace: true }]}><Input.TextArea maxLength={500} autoSize={{ minRows: 2 }} data-testid="shipping-note" /></Form.Item>}
        </Form>
        <Problem error={run.error} testId="shipping-problem" />
      </div>
    </Modal>
  )
}
