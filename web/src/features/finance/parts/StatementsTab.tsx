import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Checkbox, Empty, Select } from 'antd'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import type { Schema } from '@/api/client'
import { Refusal } from '@/api/refusal'
import { yuan } from '@/lib/money'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { FilePick, type Picked } from '@/ui/FilePick'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { useListState } from '@/ui/useListState'
import { commitStatement, statementQuery, statementsQuery, uploadStatement } from '../queries'
import { useText } from '../text'

type Statement = Schema<'Statement'>
type Line = Schema<'StatementLine'>

/** Bank statements: upload, look at what would be booked, book it. */
export function StatementsTab() {
  const [params, setParams] = useSearchParams()
  const id = params.get('statement')
  const open = (statement: string) => setParams({ tab: 'statements', ...(statement ? { statement } : {}) })
  return id ? <One id={id} back={() => open('')} /> : <All open={open} />
}

function All({ open }: { open: (id: string) => void }) {
  const { statement: t, tabs } = useText()
  const list = useListState()
  const query = useQuery(statementsQuery(list))
  const columns: Column<Statement>[] = [
    { key: 'name', title: t.name, cell: (s) => <span className="wrap">{s.name || s.id}</span> },
    { key: 'by', title: t.by, cell: (s) => s.by },
    { key: 'at', title: t.at, cell: (s) => moment(s.createdAt) },
    { key: 'committed', title: t.committed, cell: (s) => (s.committedAt ? `${moment(s.committedAt)} ${s.committedBy ?? ''}` : t.notYet) },
    { key: 'action', title: '', cell: (s) => <Button size="small" onClick={() => open(s.id)}>{t.open}</Button> },
  ]
  return (
    <div className="stack">
      <UploadPart open={open} />
      <Ready query={query}>
        {({ items, page }) => <DataTable label={tabs.statements} columns={columns} rows={items} rowKey={(s) => s.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="statement-list" />}
      </Ready>
    </div>
  )
}

function UploadPart({ open }: { open: (id: string) => void }) {
  const { statement: t } = useText()
  const [file, setFile] = useState<Picked | null>(null)
  const [amountColumn, setAmount] = useState('')
  const [textColumn, setText] = useState('')
  const send = useMutation({ ...uploadStatement, onSuccess: (s) => open(s.id) })
  const unknown = send.error instanceof Refusal && send.error.code === 'statement_columns' ? send.error : null
  const headings = unknown ? String(unknown.params['headings'] ?? '').split('\n').filter(Boolean) : []
  const choose = (label: string, value: string, set: (v: string) => void) => (
    <Select value={value} aria-label={label} style={{ minWidth: 180 }} onChange={set} options={[{ value: '', label }, ...[...new Set(headings)].map((h) => ({ value: h, label: h }))]} />
  )
  return (
    <section className="panel stack">
      <p style={{ margin: 0 }}>{t.how}</p>
      <FilePick label={t.file} value={file} pick={setFile} limit={4 * 1024 * 1024} testId="statement-file" />
      {unknown ? (
        <>
          <Alert type="warning" showIcon title={t.columns} data-testid="statement-columns" />
          <div className="row">{choose(t.amountColumn, amountColumn, setAmount)}{choose(t.textColumn, textColumn, setText)}</div>
        </>
      ) : (
        <Problem error={send.error} testId="statement-problem" />
      )}
      <div>
        <Button
          type="primary"
          disabled={!file}
          loading={send.isPending}
          onClick={() => file && send.mutate({ name: file.name, file: new Blob([file.bytes]), columns: { ...(amountColumn ? { amountColumn } : {}), ...(textColumn ? { textColumn } : {}) } })}
          data-testid="statement-upload"
        >
          {t.upload}
        </Button>
      </div>
    </section>
  )
}

function One({ id, back }: { id: string; back: () => void }) {
  const { statement: t } = useText()
  const query = useQuery(statementQuery(id))
  return (
    <div className="stack">
      <div><Button onClick={back}>{t.back}</Button></div>
      <Ready query={query}>{(statement) => <Preview statement={statement} />}</Ready>
    </div>
  )
}

const tones: Partial<Record<Line['state'], Tone>> = { matched: 'good', booked: 'good', paid: 'quiet', duplicate: 'quiet' }
const shown = 20

function Preview({ statement }: { statement: Statement }) {
  const { statement: t } = useText()
  const [only, setOnly] = useState(false)
  const [page, setPage] = useState({ page: 1, size: shown })
  const commit = useMutation(commitStatement)
  const all = statement.lines ?? []
  const lines = only ? all.filter((l) => l.state !== 'matched' && l.state !== 'booked') : all
  const { matched = 0, problems = 0 } = statement
  const columns: Column<Line>[] = [
    { key: 'line', title: t.line, cell: (l) => l.line },
    { key: 'date', title: t.date, cell: (l) => l.bookedOn ?? '—' },
    { key: 'payer', title: t.payer, cell: (l) => <span className="wrap">{l.payer ?? '—'}</span>, width: 160 },
    { key: 'text', title: t.text, cell: (l) => <span className="wrap">{l.text ?? '—'}</span>, width: 200 },
    { key: 'amount', title: t.amount, cell: (l) => (l.state === 'unreadable' ? '—' : yuan(l.amountCents)) },
    { key: 'order', title: t.order, cell: (l) => (l.orderNumber ? <span className="wrap"><span className="mono">{l.orderNumber}</span> {l.organisationName} {l.orderCents !== undefined ? yuan(l.orderCents) : ''}</span> : '—'), width: 220 },
    { key: 'state', title: t.result, cell: (l) => <span data-testid={`line-${l.line}`} data-state={l.state}><StateTag tone={tones[l.state] ?? 'soon'} text={t.states[l.state]} /></span> },
  ]
  const pages = Math.max(1, Math.ceil(lines.length / page.size))
  const at = Math.min(page.page, pages)
  return (
    <>
      <Alert type={statement.committedAt ? 'success' : 'info'} showIcon title={statement.committedAt ? t.summaryDone(matched, problems) : t.summary(matched, problems)} description={statement.name} data-testid="statement-summary" data-committed={Boolean(statement.committedAt)} />
      <div className="row">
        <Checkbox checked={only} onChange={(e) => setOnly(e.target.checked)}>{t.problemsOnly}</Checkbox>
        {!statement.committedAt && <Button type="primary" disabled={matched === 0} loading={commit.isPending} onClick={() => commit.mutate(statement.id)} data-testid="statement-commit">{t.commit(matched)}</Button>}
      </div>
      <Problem error={commit.error} testId="statement-problem" />
      {all.length === 0 ? (
        <Empty description={t.none} />
      ) : (
        <DataTable
          label={t.result}
          columns={columns}
          rows={lines.slice((at - 1) * page.size, at * page.size)}
          rowKey={(l) => String(l.line)}
          page={{ page: at, size: page.size, total: lines.length, pages }}
          change={(next) => setPage((old) => ({ page: next.page ?? 1, size: next.size ?? old.size }))}
          testId="statement-lines"
        />
      )}
    </>
  )
}
