import { useMutation } from '@tanstack/react-query'
import { Button, Form, Input, Modal, Radio } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { fileAddress } from '@/lib/file'
import { Facts, type Fact } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { cancelInvoice, requestInvoice } from '../queries'
import { useText } from '../text'

type Order = Schema<'Order'>

/** The invoice of an order: asked for, made by finance, downloaded here. */
export function InvoicePart({ order }: { order: Order }) {
  const { invoice: t } = useText()
  const [asking, setAsking] = useState(false)
  const cancel = useMutation(cancelInvoice)
  const invoice = order.invoice
  const live = invoice && invoice.state !== 'cancelled' && invoice.state !== 'red'
  const facts: Fact[] = invoice
    ? [
        { key: 'state', label: t.state, value: <span data-testid="invoice-state" data-state={invoice.state}>{t.states[invoice.state]}</span> },
        { key: 'title', label: t.title, value: invoice.title },
        ...(invoice.taxNumber ? [{ key: 'tax', label: t.tax, value: <span className="mono">{invoice.taxNumber}</span> }] : []),
        { key: 'email', label: t.email, value: invoice.email },
        ...(invoice.number ? [{ key: 'number', label: t.number, value: <span className="mono">{invoice.number}</span> }] : []),
      ]
    : []
  return (
    <section className="panel stack" data-testid="order-invoice">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      {invoice ? <Facts facts={facts} /> : <p style={{ margin: 0 }}>{t.none}</p>}
      <Problem error={cancel.error} testId="invoice-problem" />
      <div className="row">
        {!live && order.state === 'paid' && <Button onClick={() => setAsking(true)} data-testid="invoice-ask">{t.ask}</Button>}
        {invoice?.state === 'requested' && <Button loading={cancel.isPending} onClick={() => cancel.mutate(invoice.id)} data-testid="invoice-cancel">{t.cancel}</Button>}
        {invoice?.fileName && <Button type="primary" href={fileAddress(`/invoices/${invoice.id}/file`)} download data-testid="invoice-download">{t.download}</Button>}
        {invoice?.redFileName && <Button href={fileAddress(`/invoices/${invoice.id}/file?red=true`)} download data-testid="invoice-download-red">{t.downloadRed}</Button>}
      </div>
      {asking && <AskDialog order={order} close={() => setAsking(false)} />}
    </section>
  )
}

function AskDialog({ order, close }: { order: Order; close: () => void }) {
  const { invoice: t } = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ kind: 'organisation' | 'personal'; title: string; taxNumber?: string; email: string }>()
  const kind = Form.useWatch('kind', form)
  const ask = useMutation({ ...requestInvoice, onSuccess: close })
  return (
    <Modal open title={t.ask} okText={t.ask} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={ask.isPending} okButtonProps={{ 'data-testid': 'invoice-submit' }}>
      <Form
        form={form}
        name="invoice"
        layout="vertical"
        initialValues={{ kind: 'organisation', title: order.organisationName ?? '' }}
        onFinish={(v) => ask.mutate({ id: order.id, title: v.title, email: v.email.trim(), personal: v.kind === 'personal', ...(v.kind === 'personal' ? {} : { taxNumber: v.taxNumber ?? '' }) })}
      >
        <Form.Item name="kind" label={t.kind}>
          <Radio.Group options={[{ value: 'organisation', label: t.organisation }, { value: 'personal', label: t.personal }]} />
        </Form.Item>
        <Form.Item name="title" label={t.title} rules={[{ required: true, whitespace: true }]}><Input maxLength={100} data-testid="invoice-title" /></Form.Item>
        {kind !== 'personal' && <Form.Item name="taxNumber" label={t.tax} rules={[{ required: true, whitespace: true }]}><Input maxLength={20} data-testid="invoice-tax" /></Form.Item>}
        <Form.Item name="email" label={t.email} extra={t.emailHint} rules={[{ required: true, type: 'email', message: t.emailBad }]}><Input maxLength={200} autoComplete="email" data-testid="invoice-email" /></Form.Item>
      </Form>
      <Problem error={ask.error} testId="invoice-ask-problem" />
    </Modal>
  )
}
