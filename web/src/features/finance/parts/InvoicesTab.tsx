import { useMutation, useQuery } from '@tanstack/react-query'
import { Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { fileAddress } from '@/lib/file'
import { yuan } from '@/lib/money'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { FilePick, type Picked } from '@/ui/FilePick'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { useListState } from '@/ui/useListState'
import { invoicesQuery, uploadInvoice } from '../queries'
import { useText } from '../text'
import { useStateFilter } from './StateFilter'

type Invoice = Schema<'Invoice'>
const tones: Record<Invoice['state'], Tone> = { requested: 'soon', issued: 'good', red_due: 'soon', red: 'quiet', cancelled: 'quiet' }

/** Invoices to be made, and the red-letter ones after refunds. */
export function InvoicesTab() {
  const t = useText()
  const { aside } = useCommon().punctuation
  const list = useListState()
  const { state, filter } = useStateFilter(t.invoice.states, 'invoice-filter')
  const query = useQuery(invoicesQuery(list, state))
  const [open, setOpen] = useState<Invoice | null>(null)
  const columns: Column<Invoice>[] = [
    { key: 'order', title: t.columns.number, cell: (i) => <span className="mono">{i.orderNumber}</span> },
    { key: 'title', title: t.invoice.title, cell: (i) => <span className="wrap">{i.title}{i.personal ? aside(t.invoice.personal) : ''}</span>, width: 180 },
    { key: 'tax', title: t.invoice.tax, cell: (i) => <span className="mono">{i.taxNumber ?? '—'}</span> },
    { key: 'email', title: t.invoice.email, cell: (i) => <span className="wrap">{i.email}</span> },
    { key: 'amount', title: t.columns.amount, cell: (i) => yuan(i.amountCents) },
    { key: 'created', title: t.columns.created, cell: (i) => moment(i.createdAt) },
    { key: 'state', title: t.columns.state, cell: (i) => <span data-testid={`invoice-state-${i.orderNumber}`} data-state={i.state}><StateTag tone={tones[i.state]} text={t.invoice.states[i.state]} /></span> },
    {
      key: 'action',
      title: t.columns.action,
      cell: (i) => (
        <span className="row">
          {(i.state === 'requested' || i.state === 'red_due') && <Button size="small" type="primary" onClick={() => setOpen(i)} data-testid={`invoice-upload-${i.orderNumber}`}>{i.state === 'red_due' ? t.invoice.uploadRed : t.invoice.upload}</Button>}
          {i.fileName && <a href={fileAddress(`/admin/invoices/${i.id}/file`)} download>{t.invoice.download}</a>}
          {i.redFileName && <a href={fileAddress(`/admin/invoices/${i.id}/file?red=true`)} download>{t.invoice.downloadRed}</a>}
        </span>
      ),
    },
  ]
  return (
    <>
      {filter}
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.tabs.invoices} columns={columns} rows={items} rowKey={(i) => i.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="invoice-list" />}
      </Ready>
      {open && <UploadDialog invoice={open} close={() => setOpen(null)} />}
    </>
  )
}

function UploadDialog({ invoice, close }: { invoice: Invoice; close: () => void }) {
  const { invoice: t } = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ number: string }>()
  const [file, setFile] = useState<Picked | null>(null)
  const red = invoice.state === 'red_due'
  const send = useMutation({ ...uploadInvoice, onSuccess: close })
  const submit = ({ number }: { number: string }) => {
    if (file) send.mutate({ id: invoice.id, number: number.trim(), red, name: file.name, file: new Blob([file.bytes]) })
  }
  return (
    <Modal open title={red ? t.uploadRed : t.upload} okText={red ? t.uploadRed : t.upload} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={send.isPending} okButtonProps={{ disabled: !file, 'data-testid': 'invoice-upload-submit' }}>
      <p>{t.uploadText}</p>
      <p className="wrap">{t.title}: {invoice.title} {invoice.taxNumber} · {yuan(invoice.amountCents)}</p>
      <Form form={form} name="invoice" layout="vertical" onFinish={submit}>
        <Form.Item name="number" label={t.number} rules={[{ required: true, pattern: /^\s*[0-9A-Za-z]{8,20}\s*$/, message: t.numberBad }]}><Input maxLength={24} autoComplete="off" data-testid="invoice-number" /></Form.Item>
      </Form>
      <FilePick label={t.file} value={file} pick={setFile} limit={2 * 1024 * 1024} testId="invoice-file" />
      <Problem error={send.error} testId="invoice-problem" />
    </Modal>
  )
}
