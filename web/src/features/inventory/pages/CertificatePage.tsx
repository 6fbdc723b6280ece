import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Input, Modal, Select } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { useX509 } from '@/i18n/x509'
import { derFrom } from '@/lib/bytes'
import { save } from '@/lib/save'
import { moment } from '@/lib/time'
import { Facts } from '@/ui/Facts'
import { Folded } from '@/ui/Folded'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { State } from '../parts/State'
import { certificateQuery, changeStatus, type Report } from '../queries'
import { useText } from '../text'

type Act = Schema<'StatusAct'>

/** Everything about one certificate, and what may be done to it. */
export function CertificatePage() {
  const t = useText()
  const { id = '' } = useParams()
  const query = useQuery(certificateQuery(id))
  return (
    <>
      <p><Link to="/admin/certificates">{t.back}</Link></p>
      <Title text={t.page} />
      <Ready query={query}>{(report) => <Shown report={report} />}</Ready>
    </>
  )
}

function Shown({ report }: { report: Report }) {
  const t = useText()
  const x = useX509()
  const c = report.certificate
  const [act, setAct] = useState<Act | null>(null)
  const [done, setDone] = useState(false)
  const der = derFrom(new TextEncoder().encode(report.pem))
  const list = report.list
  const log = report.log
  return (
    <div className="stack" data-testid="certificate" data-state={c.state}>
      <h2 className="title wrap" style={{ margin: 0 }}>{c.name}</h2>
      {done && <Alert type="success" showIcon title={c.origin === 'issued' ? t.done : t.doneImported} data-testid="status-done" />}
      {report.mayChange && c.state !== 'revoked' && (
        <div className="row">
          {c.state === 'good' && <Button onClick={() => setAct('suspend')} data-testid="act-suspend">{t.acts.suspend}</Button>}
          {c.state === 'suspended' && <Button onClick={() => setAct('resume')} data-testid="act-resume">{t.acts.resume}</Button>}
          <Button danger onClick={() => setAct('revoke')} data-testid="act-revoke">{t.acts.revoke}</Button>
        </div>
      )}
      <Facts
        facts={[
          { key: 'state', label: t.facts.state, value: <><State of={c} /> {c.revokedAt && t.since(moment(c.revokedAt), c.reason === undefined ? '' : (t.reasons[c.reason] ?? String(c.reason)))}</> },
          { key: 'list', label: t.facts.list, value: list ? t.list(list.number, moment(list.thisUpdate), moment(list.nextUpdate), list.listed) : t.noList },
          { key: 'subject', label: t.facts.subject, value: report.subject },
          { key: 'issuer', label: t.facts.issuer, value: report.issuer },
          { key: 'serial', label: t.facts.serial, value: <span className="mono">{c.serialHex}</span> },
          { key: 'valid', label: t.facts.valid, value: `${moment(c.notBefore)} – ${moment(c.notAfter)}` },
          { key: 'alg', label: t.facts.alg, value: `${report.keyAlg} · ${report.sigAlg}` },
          { key: 'key', label: t.facts.key, value: <span className="mono">{c.keyHash}</span> },
          { key: 'profile', label: t.facts.profile, value: c.profile ?? '—' },
          { key: 'origin', label: t.facts.origin, value: t.origins[c.origin] },
          { key: 'token', label: t.facts.token, value: c.tokenSerial ?? '—' },
          { key: 'log', label: t.facts.log, value: !log ? t.noLog : log.logged ? <>{t.logged(log.index ?? 0)} <Button size="small" onClick={() => save(`${c.serialHex}.tlog-proof`, log.proof ?? '')}>{t.proof}</Button></> : t.notLogged },
        ]}
      />
      <div className="row">
        <Button onClick={() => der && save(`${c.serialHex}.cer`, der)} data-testid="download-der">{t.downloads.der}</Button>
        <Button onClick={() => save(`${c.serialHex}.pem`, report.pem)}>{t.downloads.pem}</Button>
        {report.encPem && <Button onClick={() => save(`${c.serialHex}-enc.pem`, report.encPem ?? '')}>{t.downloads.enc}</Button>}
        {report.chainPem && <Button onClick={() => save(`${c.serialHex}-chain.pem`, report.chainPem ?? '')}>{t.downloads.chain}</Button>}
      </div>
      {report.pair.length > 0 && (
        <section>
          <h3>{t.pair}</h3>
          {report.pair.map((half) => <p key={half.id}><Link to={`/admin/certificates/${encodeURIComponent(half.id)}`} className="mono">{half.serialHex}</Link> {half.profile} <State of={half} /></p>)}
        </section>
      )}
      <section>
        <h3>{t.chain}</h3>
        <ol>{report.chain.map((link) => <li key={link.serialHex} className="wrap">{link.subject} <span className="quiet">{moment(link.notAfter)}</span></li>)}</ol>
      </section>
      <section>
        <h3>{t.extensions}</h3>
        <Facts columns={1} facts={report.extensions.map((e) => ({ key: e.oid, label: `${x.extension(e.oid)}${e.critical ? ` (${x.critical})` : ''}`, value: <span className="mono">{e.words.map(x.usage).join(' · ') || '—'}</span> }))} />
      </section>
      <section>
        <h3>{t.history}</h3>
        {report.history.length === 0 ? <p className="quiet">{t.noHistory}</p> : (
          <ul className="cards">{report.history.map((e) => <li key={e.seq} className="wrap">#{e.seq} {moment(e.at)} <strong>{e.act}</strong> {e.by}<br /><span className="mono quiet"><Folded text={e.facts} most={160} /></span></li>)}</ul>
        )}
      </section>
      {act && <ActDialog id={c.id} act={act} close={() => setAct(null)} done={() => { setAct(null); setDone(true) }} />}
    </div>
  )
}

function ActDialog({ id, act, close, done }: { id: string; act: Act; close: () => void; done: () => void }) {
  const t = useText()
  const common = useCommon()
  const [note, setNote] = useState('')
  const [reason, setReason] = useState<Schema<'RevocationReason'>>('cessation')
  const change = useMutation({ ...changeStatus, onSuccess: done })
  return (
    <Modal
      open
      title={t.acts[act]}
      okText={t.acts[act]}
      cancelText={common.cancel}
      onCancel={close}
      confirmLoading={change.isPending}
      okButtonProps={{ disabled: !note.trim(), danger: act === 'revoke', 'data-testid': 'act-submit' }}
      onOk={() => change.mutate({ id, act, note: note.trim(), ...(act === 'revoke' ? { reason } : {}) })}
    >
      <div className="stack">
        <p style={{ margin: 0 }}>{t.pairToo}</p>
        {act === 'revoke' && <Select value={reason} aria-label={t.reason} onChange={setReason} options={(['cessation', 'key_compromise', 'affiliation_changed', 'superseded'] as const).map((value) => ({ value, label: t.revocations[value] }))} />}
        <label>{t.note}<Input.TextArea value={note} maxLength={130} rows={3} data-testid="act-note" onChange={(event) => setNote(event.target.value)} /></label>
        <Problem error={change.error} />
      </div>
    </Modal>
  )
}
