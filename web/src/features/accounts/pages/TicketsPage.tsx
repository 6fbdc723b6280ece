import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Button, Form, Input, Modal, Select } from 'antd'
import { useState } from 'react'
import { useCommon } from '@/i18n/common'
import { minute } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { straight } from '@/ui/viewer/view'
import { Viewer } from '@/ui/viewer/Viewer'
import { answerTicket, licenceAddress, ticketsQuery, type Ticket } from '../queries'
import { useText } from '../text'

/** 工单: who does not know a registered number is answered by SMS. */
export function TicketsPage() {
  const { tickets: t } = useText()
  const list = useListState()
  const [state, setState] = useState<'open' | 'answered'>('open')
  const [shown, setShown] = useState<Ticket | null>(null)
  const query = useQuery(ticketsQuery({ page: list.page, size: list.size, state }))
  const columns: Column<Ticket>[] = [
    { key: 'number', title: t.number, cell: (k) => <span className="mono">{k.number}</span> },
    { key: 'name', title: t.name, cell: (k) => k.organisationName },
    { key: 'phone', title: t.phone, cell: (k) => k.phone },
    { key: 'note', title: t.note, cell: (k) => <span className="wrap">{k.note ?? '—'}</span>, width: 180 },
    { key: 'licence', title: t.licence, cell: (k) => k.licence ? <Button size="small" onClick={() => setShown(k)} aria-label={`${t.licenceShow} ${k.number}`} data-testid={`ticket-licence-${k.number}`}>{t.licenceShow}</Button> : '—' },
    { key: 'at', title: t.at, cell: (k) => minute(k.createdAt) },
    { key: 'answer', title: t.answer, cell: (k) => k.state === 'open' ? <Button size="small" type="primary" onClick={() => setShown(k)} aria-label={`${t.answer} ${k.number}`} data-testid={`ticket-${k.number}`}>{t.answer}</Button> : <span className="wrap">{k.answer}</span>, width: 200 },
  ]
  return (
    <>
      <Title text={t.page} extra={<Select aria-label={t.state} value={state} onChange={(next) => { setState(next); list.change({ page: 1 }) }} options={[{ value: 'open', label: t.open }, { value: 'answered', label: t.answered }]} style={{ minWidth: 120 }} />} />
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.page} columns={columns} rows={items} rowKey={(k) => k.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="ticket-list" />}
      </Ready>
      <Modal open={!!shown} title={shown?.state === 'answered' ? t.licence : t.answer} onCancel={() => setShown(null)} footer={null} width={shown?.licence ? 900 : 520} destroyOnHidden>
        {shown && (
          <div className="stack">
            {shown.licence && <Licence ticket={shown} file={shown.licence} />}
            {shown.state === 'open' && <Answer ticket={shown} done={() => setShown(null)} />}
          </div>
        )}
      </Modal>
    </>
  )
}

function Licence({ ticket, file }: { ticket: Ticket; file: NonNullable<Ticket['licence']> }) {
  const { tickets: t } = useText()
  const [view, setView] = useState(straight)
  const ending = { 'image/jpeg': 'jpg', 'image/png': 'png', 'application/pdf': 'pdf' }[file.mediaType]
  return (
    <section aria-label={t.licence} data-testid="ticket-licence">
      <Viewer file={{ address: licenceAddress(ticket.id), name: `${ticket.number}.${ending}`, mediaType: file.mediaType, pages: file.pages }} view={view} set={setView} />
    </section>
  )
}

function Answer({ ticket, done }: { ticket: Ticket; done: () => void }) {
  const { tickets: t } = useText()
  const { punctuation } = useCommon()
  const client = useQueryClient()
  const send = useMutation({
    mutationFn: answerTicket,
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['tickets'] })
      done()
    },
  })
  const found = ticket.candidates ?? []
  return (
    <Form<{ answer: string }> name="ticket" layout="vertical" onFinish={({ answer }) => send.mutate({ id: ticket.id, answer: answer.trim() })}>
      <Facts facts={[
        { key: 'name', label: t.name, value: ticket.organisationName },
        { key: 'phone', label: t.phone, value: ticket.phone },
        { key: 'found', label: t.found, value: found.length ? punctuation.list(...found.map((o) => `${o.name} ${o.number ?? ''}`)) : t.nothing },
      ]} />
      <p className="quiet">{t.careful}</p>
      <Form.Item name="answer" label={t.answerText} rules={[{ required: true, whitespace: true }]}><Input maxLength={100} data-testid="ticket-answer" /></Form.Item>
      <Problem error={send.error} testId="ticket-problem" />
      <Button type="primary" htmlType="submit" loading={send.isPending} data-testid="ticket-submit">{t.send}</Button>
    </Form>
  )
}
