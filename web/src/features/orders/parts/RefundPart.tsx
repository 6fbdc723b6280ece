import { useMutation } from '@tanstack/react-query'
import { Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { requestRefund, withdrawRefund } from '../queries'
import { useText } from '../text'

/** The price of an order going back; two people of the office decide. */
export function RefundPart({ order }: { order: Schema<'Order'> }) {
  const { refund: t, columns } = useText()
  const [asking, setAsking] = useState(false)
  const withdraw = useMutation(withdrawRefund)
  const refund = order.refund
  const open = refund && (refund.state === 'requested' || refund.state === 'approved')
  return (
    <section className="panel stack" data-testid="order-refund">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      {refund ? (
        <Facts
          facts={[
            { key: 'number', label: t.number, value: <span className="mono">{refund.number}</span> },
            { key: 'state', label: columns.state, value: <span data-testid="refund-state" data-state={refund.state}>{t.states[refund.state]}</span> },
            { key: 'reason', label: t.reason, value: t.byItself[refund.reason] ?? refund.reason },
            ...(refund.note ? [{ key: 'note', label: t.note, value: refund.note }] : []),
            ...(refund.reference ? [{ key: 'reference', label: t.reference, value: <span className="mono">{refund.reference}</span> }] : []),
          ]}
        />
      ) : (
        <p style={{ margin: 0 }}>{t.how}</p>
      )}
      <Problem error={withdraw.error} testId="refund-problem" />
      <div className="row">
        {order.state === 'paid' && !open && <Button onClick={() => setAsking(true)} data-testid="refund-ask">{t.ask}</Button>}
        {refund?.state === 'requested' && <Button loading={withdraw.isPending} onClick={() => withdraw.mutate(refund.id)} data-testid="refund-withdraw">{t.withdraw}</Button>}
      </div>
      {asking && <AskDialog id={order.id} close={() => setAsking(false)} />}
    </section>
  )
}

function AskDialog({ id, close }: { id: string; close: () => void }) {
  const { refund: t } = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ reason: string }>()
  const ask = useMutation({ ...requestRefund, onSuccess: close })
  return (
    <Modal open title={t.ask} okText={t.ask} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={ask.isPending} okButtonProps={{ 'data-testid': 'refund-submit' }}>
      <p>{t.how}</p>
      <Form form={form} name="refund" layout="vertical" onFinish={({ reason }) => ask.mutate({ id, reason: reason.trim() })}>
        <Form.Item name="reason" label={t.reason} rules={[{ required: true, whitespace: true }]}><Input maxLength={500} data-testid="refund-reason" /></Form.Item>
      </Form>
      <Problem error={ask.error} testId="refund-ask-problem" />
    </Modal>
  )
}
