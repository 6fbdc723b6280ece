import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Input, Select } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { batchesQuery, decideBatch, requestBatch, type Batch } from '../queries'
import { useText } from '../text'

const tones = { waiting: 'soon', running: 'busy', done: 'good', withdrawn: 'quiet' } as const

/** Change many certificates: a dry run first, a second person for more than ten. */
export function BatchPanel({ mayChange }: { mayChange: boolean }) {
  const t = useText()
  const { aside } = useCommon().punctuation
  const [place, setPlace] = useState({ page: 1, size: 5 })
  const query = useQuery(batchesQuery(place))
  const decide = useMutation(decideBatch)
  const columns: Column<Batch>[] = [
    { key: 'what', title: t.batchColumns.what, cell: (b) => <>{t.acts[b.act]}{b.reason ? aside(t.revocations[b.reason]) : ''}<br /><span className="quiet wrap">{b.note}</span></> },
    { key: 'count', title: t.batchColumns.count, cell: (b) => b.items.length },
    { key: 'who', title: t.batchColumns.who, cell: (b) => <>{b.requestedBy}<br />{b.decidedBy ?? '—'}</> },
    { key: 'at', title: t.batchColumns.at, cell: (b) => moment(b.createdAt) },
    { key: 'state', title: t.batchColumns.state, cell: (b) => b.state && <StateTag tone={tones[b.state]} text={t.batchStates[b.state]} /> },
    {
      key: 'action',
      title: t.batchColumns.action,
      cell: (b) => mayChange && b.state === 'waiting' && (
        <span className="row">
          {!b.mine && <Button size="small" type="primary" onClick={() => decide.mutate({ id: b.id ?? '', confirm: true })} data-testid="batch-confirm">{t.confirm}</Button>}
          <Button size="small" onClick={() => decide.mutate({ id: b.id ?? '', confirm: false })}>{t.withdraw}</Button>
        </span>
      ),
    },
  ]
  return (
    <section className="panel stack" aria-label={t.batches} style={{ padding: '16px 20px', marginBottom: 16 }}>
      {mayChange && <Request />}
      <h2 style={{ margin: 0 }}>{t.batches}</h2>
      <Problem error={decide.error} />
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.batches} columns={columns} rows={items} rowKey={(b) => b.id ?? ''} page={page} change={(next) => setPlace({ page: next.page ?? 1, size: next.size ?? place.size })} testId="batch-list" />}
      </Ready>
    </section>
  )
}

function Request() {
  const t = useText()
  const [act, setAct] = useState<Schema<'StatusAct'>>('revoke')
  const [reason, setReason] = useState<Schema<'RevocationReason'>>('cessation')
  const [note, setNote] = useState('')
  const [text, setText] = useState('')
  const [dry, setDry] = useState<Batch | null>(null)
  const request = useMutation(requestBatch)
  const send = (dryRun: boolean) =>
    request.mutate(
      { act, note: note.trim(), dryRun, serials: text.split(/[\s,;，；]+/).filter(Boolean), ...(act === 'revoke' ? { reason } : {}) },
      {
        onSuccess: (batch) => {
          setDry(dryRun ? batch : null)
          if (!dryRun) setText('')
        },
      },
    )
  const edit = <T,>(set: (value: T) => void) => (value: T) => {
    set(value)
    setDry(null) // what was shown is not what would be done
  }
  return (
    <div className="stack">
      <h2 style={{ margin: 0 }}>{t.batch}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t.batchHelp}</p>
      <div className="row">
        <Select value={act} aria-label={t.act} style={{ minWidth: 130 }} onChange={edit(setAct)} options={(['revoke', 'suspend', 'resume'] as const).map((value) => ({ value, label: t.acts[value] }))} />
        {act === 'revoke' && <Select value={reason} aria-label={t.reason} style={{ minWidth: 160 }} onChange={edit(setReason)} options={(['cessation', 'key_compromise', 'affiliation_changed', 'superseded'] as const).map((value) => ({ value, label: t.revocations[value] }))} />}
      </div>
      <label>{t.serials}<Input.TextArea value={text} rows={4} className="mono" data-testid="batch-serials" onChange={(event) => edit(setText)(event.target.value)} /></label>
      <label>{t.note}<Input value={note} maxLength={130} data-testid="batch-note" onChange={(event) => edit(setNote)(event.target.value)} /></label>
      <Problem error={request.error} />
      {dry && (
        <Alert
          type={dry.items.length > 0 ? 'info' : 'warning'}
          showIcon
          data-testid="batch-dry"
          title={`${t.willDo(dry.items.length)}${dry.refusals.length > 0 ? ` · ${t.refused(dry.refusals.length)}` : ''}`}
          description={(
            <>
              {dry.needsSecond && <p>{t.second}</p>}
              <ul style={{ maxHeight: 240, overflow: 'auto' }}>
                {dry.refusals.map((i, n) => <li key={`r${n}`} className="wrap">✕ <span className="mono">{i.serial}</span> {i.name} {i.problem && t.problems[i.problem]}</li>)}
                {dry.items.map((i) => <li key={i.id} className="wrap"><span className="mono">{i.serial}</span> {i.name}</li>)}
              </ul>
            </>
          )}
        />
      )}
      <div className="row">
        <Button disabled={!note.trim() || !text.trim()} loading={request.isPending} onClick={() => send(true)} data-testid="batch-dry-run">{t.dryRun}</Button>
        {dry && dry.items.length > 0 && <Button type="primary" danger={act === 'revoke'} onClick={() => send(false)} data-testid="batch-commit">{t.commit(dry.items.length)}</Button>}
      </div>
    </div>
  )
}
