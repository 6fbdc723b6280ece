import { useMutation, useQuery } from '@tanstack/react-query'
import { Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { yuan } from '@/lib/money'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { useListState } from '@/ui/useListState'
import { decideRefund, finishRefund, refundsQuery } from '../queries'
import { useText } from '../text'
import { useStateFilter } from './StateFilter'

type Refund = Schema<'Refund'>
const tones: Record<Refund['state'], Tone> = { requested: 'soon', approved: 'soon', rejected: 'quiet', withdrawn: 'quiet', done: 'good' }

/** Refunds: decided by one person, paid out by another. */
export function RefundsTab() {
  const t = useText()
  const list = useListState()
  const { state, filter } = useStateFilter(t.refund.states, 'refund-filter')
  const query = useQuery(refundsQuery(list, state))
  const [open, setOpen] = useState<Refund | null>(null)
  const columns: Column<Refund>[] = [
    { key: 'number', title: t.refund.number, cell: (r) => <span className="mono">{r.number}</span> },
    { key: 'order', title: t.columns.number, cell: (r) => <span className="mono">{r.orderNumber}</span> },
    { key: 'organisation', title: t.columns.organisation, cell: (r) => r.organisationName ?? '—', width: 160 },
    { key: 'amount', title: t.columns.amount, cell: (r) => yuan(r.amountCents) },
    { key: 'reason', title: t.refund.reason, cell: (r) => <span className="wrap">{t.refund.byItself[r.reason] ?? r.reason}</span>, width: 180 },
    { key: 'people', title: `${t.refund.askedBy} / ${t.refund.decidedBy}`, cell: (r) => `${r.askedBy ?? '—'} / ${r.decidedBy ?? '—'}` },
    { key: 'created', title: t.columns.created, cell: (r) => moment(r.createdAt) },
    { key: 'state', title: t.columns.state, cell: (r) => <span data-testid={`refund-state-${r.orderNumber}`} data-state={r.state}><StateTag tone={tones[r.state]} text={t.refund.states[r.state]} /></span> },
    {
      key: 'action',
      title: t.columns.action,
      cell: (r) => (r.state === 'requested' || r.state === 'approved' ? <Button size="small" type="primary" onClick={() => setOpen(r)} data-testid={`refund-open-${r.orderNumber}`}>{r.state === 'requested' ? t.refund.decide : t.refund.finish}</Button> : <span className="mono">{r.reference ?? '—'}</span>),
    },
  ]
  return (
    <>
      {filter}
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.tabs.refunds} columns={columns} rows={items} rowKey={(r) => r.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="refund-list" />}
      </Ready>
      {open?.state === 'requested' && <DecideDialog refund={open} close={() => setOpen(null)} />}
      {open?.state === 'approved' && <FinishDialog refund={open} close={() => setOpen(null)} />}
    </>
  )
}

function DecideDialog({ refund, close }: { refund: Refund; close: () => void }) {
  const { refund: t } = useText()
  const common = useCommon()
  const [note, setNote] = useState('')
  const [missing, setMissing] = useState(false)
  const decide = useMutation({ ...decideRefund, onSuccess: close })
  const send = (approve: boolean) => {
    setMissing(!approve && !note.trim())
    if (approve || note.trim()) decide.mutate({ id: refund.id, approve, ...(note.trim() ? { note: note.trim() } : {}) })
  }
  return (
    <Modal
      open
      title={`${t.decide} ${refund.number} ${yuan(refund.amountCents)}`}
      onCancel={close}
      footer={[
        <Button key="cancel" onClick={close}>{common.cancel}</Button>,
        <Button key="reject" danger loading={decide.isPending} onClick={() => send(false)} data-testid="refund-reject">{t.reject}</Button>,
        <Button key="approve" type="primary" loading={decide.isPending} onClick={() => send(true)} data-testid="refund-approve">{t.approve}</Button>,
      ]}
    >
      <p className="wrap">{t.reason}: {t.byItself[refund.reason] ?? refund.reason}</p>
      <p>{t.askText}</p>
      <Form layout="vertical">
        <Form.Item label={t.note} htmlFor="refund-note" {...(missing ? { validateStatus: 'error' as const, help: t.noteNeeded } : {})}>
          <Input id="refund-note" value={note} maxLength={500} onChange={(e) => setNote(e.target.value)} data-testid="refund-note" />
        </Form.Item>
      </Form>
      <Problem error={decide.error} testId="refund-problem" />
    </Modal>
  )
}

function FinishDialog({ refund, close }: { refund: Refund; close: () => void }) {
  const { refund: t } = useText()
  const common = useCommon()
  const [reference, setReference] = useState('')
  const finish = useMutation({ ...finishRefund, onSuccess: close })
  return (
    <Modal open title={`${t.finish} ${refund.number} ${yuan(refund.amountCents)}`} okText={t.finish} cancelText={common.cancel} onCancel={close} onOk={() => finish.mutate({ id: refund.id, reference: reference.trim() })} confirmLoading={finish.isPending} okButtonProps={{ 'data-testid': 'refund-finish' }}>
      <p>{t.finishText}</p>
      {refund.payMethod && <p>{t.method}: {t.methods[refund.payMethod]}</p>}
      <Form layout="vertical">
        <Form.Item label={t.reference} htmlFor="refund-reference">
          <Input id="refund-reference" value={reference} maxLength={100} onChange={(e) => setReference(e.target.value)} data-testid="refund-reference" />
        </Form.Item>
      </Form>
      <Problem error={finish.error} testId="refund-problem" />
    </Modal>
  )
}
