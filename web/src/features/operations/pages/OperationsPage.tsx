import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Input } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { has, sessionQuery } from '@/api/session'
import { day, moment } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { askStop, decideStop, healthQuery, issuanceQuery } from '../queries'
import { useText } from '../text'

/** CA 运行: the stop switch, hierarchy and lists, keys, clock, jobs. */
export function OperationsPage() {
  const t = useText()
  const issuance = useQuery(issuanceQuery)
  const health = useQuery(healthQuery)
  return (
    <>
      <Title text={t.title} />
      <Ready query={issuance}>{(data) => <Switch issuance={data} />}</Ready>
      <Ready query={health}>{(data) => <Health health={data} />}</Ready>
    </>
  )
}

function Switch({ issuance }: { issuance: Schema<'Issuance'> }) {
  const t = useText()
  const { data: session } = useQuery(sessionQuery)
  const may = session ? has(session, 'admin', 'security') : false
  const [reason, setReason] = useState('')
  const ask = useMutation({ ...askStop, onSuccess: () => setReason('') })
  const decide = useMutation(decideStop)
  const { open, stopped, history } = issuance
  return (
    <section className="panel" style={{ padding: 20, marginBottom: 16 }}>
      <Alert type={stopped ? 'error' : 'success'} showIcon title={stopped ? t.stopped : t.running} data-testid="issuance-state" />
      <Problem error={ask.error ?? decide.error} />
      {open && (
        <div style={{ marginTop: 16 }} data-testid="issuance-open">
          <p>{t.waiting(open.askedBy, open.stop)}{' · '}{t.reason}{': '}{open.reason}</p>
          {may && (
            <div className="row">
              <Button type="primary" danger loading={decide.isPending} onClick={() => decide.mutate({ id: open.id, approve: true })} data-testid="issuance-confirm">{t.confirm}</Button>
              <Button onClick={() => decide.mutate({ id: open.id, approve: false })} data-testid="issuance-refuse">{t.refuse}</Button>
            </div>
          )}
        </div>
      )}
      {!open && may && (
        <form
          className="row"
          style={{ marginTop: 16 }}
          onSubmit={(event) => {
            event.preventDefault()
            ask.mutate({ stop: !stopped, reason: reason.trim() })
          }}
        >
          <label>{t.reason}{' '}<Input value={reason} maxLength={500} style={{ width: 300, maxWidth: '100%' }} onChange={(event) => setReason(event.target.value)} data-testid="issuance-reason" /></label>
          <Button htmlType="submit" danger={!stopped} disabled={reason.trim() === ''} loading={ask.isPending} data-testid="issuance-ask">{stopped ? t.askResume : t.askStop}</Button>
        </form>
      )}
      {history.length > 0 && (
        <>
          <h2 className="title" style={{ marginTop: 20 }}>{t.history}</h2>
          <ul>
            {history.map((one) => (
              <li key={one.id}>{moment(one.askedAt)}{' · '}{one.stop ? t.acts.stop : t.acts.resume}{' · '}{t.states[one.state]}{' · '}{one.askedBy}{one.decidedBy && ` → ${one.decidedBy}`}{' · '}{one.reason}</li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}

function Health({ health }: { health: Schema<'Operations'> }) {
  const t = useText()
  const { keys, escrow, clock, jobs, overdue } = health
  return (
    <section className="panel" style={{ padding: 20 }} data-testid="operations-health">
      <h2 className="title">{t.authorities}</h2>
      {overdue.length > 0 && <Alert type="error" showIcon title={`${t.overdue}${overdue.join(', ')}`} />}
      <ul className="cards">
        {health.authorities.map((one) => <li key={one.id}><Authority one={one} /></li>)}
      </ul>
      <h2 className="title" style={{ marginTop: 20 }}>{t.keys}</h2>
      <p>{keys.ok ? t.keysOk : t.keysBad}{escrow.spare !== undefined && ` · ${t.spare} ${String(escrow.spare)}`}{escrow.locked && ` · ${t.locked}`}</p>
      <h2 className="title" style={{ marginTop: 20 }}>{t.clock}</h2>
      <p>{clock.watched ? `${source(t, clock.source ?? '')} · ${clock.trusted ? t.trusted : t.untrusted} · ${moment(clock.checkedAt)}` : t.unwatched}</p>
      <h2 className="title" style={{ marginTop: 20 }}>{t.jobs}</h2>
      {jobs.length === 0 ? <p>{t.idle}</p> : <ul>{jobs.map((j) => <li key={`${j.topic} ${j.state}`}>{j.topic}{' · '}{t.messageStates[j.state] ?? j.state}{' · '}{String(j.count)}</li>)}</ul>}
    </section>
  )
}

/** What vouches for the clock, in words. */
function source(t: ReturnType<typeof useText>, name: string) {
  if (name.includes('unchecked')) return t.sources.unchecked
  if (name.includes('adjtimex')) return t.sources.kernel
  return name.startsWith('NTP from ') ? t.sources.ntp(name.slice(9)) : name
}

function Authority({ one }: { one: Schema<'AuthorityHealth'> }) {
  const t = useText()
  const facts: [string, string][] = [
    [t.columns.name, `${one.id} · ${one.subject}${one.signs ? '' : ` · ${t.offline}`}`],
    [t.columns.ends, day(one.notAfter)],
    [t.columns.algorithm, one.algorithm],
    [t.columns.profiles, one.profiles.join(', ')],
    [t.columns.crl, one.crlNumber === undefined ? '—' : `${t.crl(one.crlNumber, one.crlSize ?? 0)} · ${t.next} ${moment(one.crlNextUpdate)}`],
    [t.columns.ocsp, day(one.responderNotAfter)],
  ]
  return (
    <dl>
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd style={{ overflowWrap: 'anywhere' }}>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
