import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Form, Input } from 'antd'
import { useState } from 'react'
import { Guest } from '@/agent/guest'
import type { Schema } from '@/api/client'
import { fromBase64, hashOf } from '@/lib/bytes'
import { serverNow } from '@/lib/clock'
import { save } from '@/lib/save'
import { minute } from '@/lib/time'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { decideByKey, decideCase, listByKey, listCases, type OfficerKey } from '../queries'
import { useText } from '../text'

type Case = Schema<'OfficerCase'>

const commands = `signetctl kmc case list    -config signet.yaml
signetctl kmc case approve -config signet.yaml -officer ID -key-dir DIR -passphrase-file FILE CASE
signetctl kmc case reject  -config signet.yaml -officer ID -key-dir DIR -passphrase-file FILE CASE`

const now = () => `${new Date(serverNow()).toISOString().slice(0, 19)}Z`
const bytesOf = (text: string) => new TextEncoder().encode(text).length

/** The exact words an officer signs to see what waits. Source: docs/operate/key-management.md. */
const docket = (officer: string, at: string) => `signet kmc docket 1\nofficer ${bytesOf(officer)}:${officer}\nat ${at.length}:${at}\n`

/** Officers of the key management centre: their own signature, made elsewhere, is their credential. */
export function OfficerPage() {
  const { officer: t } = useText()
  return (
    <div className="page stack">
      <Title text={t.title} />
      <Alert type="info" showIcon title={t.lead} />
      <ByKey />
      <details className="panel" data-testid="officer-other">
        <summary>{t.otherTitle}</summary>
        <div className="stack" style={{ marginTop: 16 }}>
          <section className="stack" aria-label={t.commandTitle}>
            <h2 className="title" style={{ margin: 0 }}>{t.commandTitle}</h2>
            <span>{t.commandHint}</span>
            <pre className="mono" tabIndex={0} style={{ whiteSpace: 'pre-wrap', margin: 0 }} data-testid="officer-commands">{commands}</pre>
          </section>
          <Docket />
        </div>
      </details>
    </div>
  )
}

/** At this computer: the assistant shows what is signed, and the PIN is typed there. */
function ByKey() {
  const { officer: t } = useText()
  const connect = useMutation({ mutationFn: () => Guest.begin() })
  const list = useMutation(listByKey)
  const guest = connect.data
  const choose = useMutation({
    mutationFn: async (spki: string) => {
      if (guest) await list.mutateAsync({ guest, spkiHash: await hashOf(spki) })
    },
  })
  const keys = guest?.keys.flatMap(({ serial, label, objects }) => (objects ?? []).flatMap(({ usage, spki }) => (usage === 'sign' && spki ? [{ serial, label, spki }] : [])))
  return (
    <section className="panel stack" aria-label={t.keyTitle} data-testid="officer-key">
      <h2 className="title" style={{ margin: 0 }}>{t.keyTitle}</h2>
      <span>{t.keyHint}</span>
      <div className="row">
        <Button type={keys ? 'default' : 'primary'} loading={connect.isPending} onClick={() => { list.reset(); connect.mutate() }} data-testid="officer-connect">{keys ? t.connectAgain : t.connect}</Button>
        {keys?.map(({ serial, label, spki }) => (
          <Button key={spki} type="primary" loading={choose.isPending && choose.variables === spki} disabled={choose.isPending} onClick={() => choose.mutate(spki)} data-testid={`officer-key-${serial}`}>{t.showBy(label || serial)}</Button>
        ))}
      </div>
      {keys?.length === 0 && <Alert type="warning" showIcon title={t.noKey} />}
      {choose.isPending && <p role="status" className="quiet" style={{ margin: 0 }}>{t.inWindow}</p>}
      <Problem error={connect.error ?? choose.error} testId="officer-key-problem" />
      {list.data && <strong data-testid="officer-who">{t.who(list.data.officer)}</strong>}
      {list.data?.items.length === 0 && <span data-testid="officer-key-none">{t.none}</span>}
      {guest && list.variables && list.data?.items.map((one) => <OneByKey key={one.id} one={one} by={list.variables} />)}
    </section>
  )
}

function OneByKey({ one, by }: { one: Case; by: OfficerKey }) {
  const { officer: t } = useText()
  const decide = useMutation(decideByKey)
  const button = (act: 'approve' | 'reject') => (
    <Button {...(act === 'approve' ? { type: 'primary' as const } : { danger: true })} loading={decide.isPending && decide.variables.act === act} disabled={decide.isPending} onClick={() => decide.mutate({ ...by, id: one.id, act })} data-testid={`officer-${act}`}>
      {act === 'approve' ? t.approveByKey : t.rejectByKey}
    </Button>
  )
  return (
    <div className="panel stack" data-testid="officer-case">
      <CaseFacts one={one} />
      {decide.isPending && <p role="status" className="quiet" style={{ margin: 0 }}>{t.inWindow}</p>}
      <Problem error={decide.error} testId="officer-decide-problem" />
      {decide.data ? <Alert type="success" showIcon title={decide.data.state === 'open' ? t.doneOpen : t.done} data-testid="officer-done" data-state={decide.data.state} /> : <div className="row">{button('approve')}{button('reject')}</div>}
    </div>
  )
}

function CaseFacts({ one }: { one: Case }) {
  const { officer: t } = useText()
  return (
    <Facts
      facts={[
        { key: 'case', label: t.case, value: <><span className="mono wrap">{one.id}</span> {t.kind[one.kind]}</> },
        { key: 'holder', label: t.holder, value: one.holder },
        { key: 'reason', label: t.reason, value: <>{one.reason} <span className="quiet">{t.required(one.required)}</span></> },
        { key: 'expires', label: t.expires, value: minute(one.expiresAt) },
        { key: 'key', label: t.key, value: <span className="mono wrap">{one.spkiHash}</span> },
        { key: 'to', label: t.to, value: <span className="mono wrap">{one.toKeyHash}</span> },
      ]}
    />
  )
}

function Docket() {
  const { officer: t } = useText()
  const [officer, setOfficer] = useState('')
  const [at, setAt] = useState(now)
  const [signature, setSignature] = useState('')
  const list = useMutation(listCases)
  const text = docket(officer, at)
  return (
    <section className="stack" aria-label={t.signTitle}>
      <h2 className="title" style={{ margin: 0 }}>{t.signTitle}</h2>
      <Form layout="vertical" onFinish={() => list.mutate({ officer, at, signature: signature.replace(/\s/g, '') })}>
        <Form.Item label={t.id} htmlFor="officer-id" required><Input id="officer-id" value={officer} maxLength={60} style={{ maxWidth: 320 }} onChange={(event) => setOfficer(event.target.value)} data-testid="officer-id" /></Form.Item>
        <p>{t.statement}</p>
        <pre className="mono" tabIndex={0} style={{ whiteSpace: 'pre-wrap' }} data-testid="officer-statement">{text}</pre>
        <div className="row" style={{ marginBottom: 16 }}>
          <Button onClick={() => save('docket.txt', text, 'text/plain')}>{t.download}</Button>
          <Button onClick={() => setAt(now())}>{t.renew}</Button>
        </div>
        <Form.Item label={t.signature} htmlFor="officer-signature" required><Input.TextArea id="officer-signature" value={signature} autoSize={{ minRows: 2 }} onChange={(event) => setSignature(event.target.value)} data-testid="officer-signature" /></Form.Item>
        <div className="stack">
          <Problem error={list.error} testId="officer-problem" />
          <div><Button type="primary" htmlType="submit" disabled={!officer || !signature.trim()} loading={list.isPending} data-testid="officer-list">{t.list}</Button></div>
        </div>
      </Form>
      {list.data && (list.data.items.length === 0 ? <span data-testid="officer-none">{t.none}</span> : list.data.items.map((one) => <One key={one.id} one={one} officer={officer} />))}
    </section>
  )
}

function One({ one, officer }: { one: Case; officer: string }) {
  const { officer: t } = useText()
  const [signature, setSignature] = useState('')
  const decide = useMutation(decideCase)
  const give = (act: 'approve' | 'reject') => save(`${one.id}-${act}.bin`, fromBase64(act === 'approve' ? one.approveStatement : one.rejectStatement) ?? '')
  const send = (act: 'approve' | 'reject') => decide.mutate({ id: one.id, officer, act, signature: signature.replace(/\s/g, '') })
  return (
    <div className="panel stack" data-testid="officer-case">
      <CaseFacts one={one} />
      <div className="row"><Button onClick={() => give('approve')}>{t.approveBytes}</Button><Button onClick={() => give('reject')}>{t.rejectBytes}</Button></div>
      <Input.TextArea aria-label={t.signature} placeholder={t.signature} value={signature} autoSize={{ minRows: 2 }} onChange={(event) => setSignature(event.target.value)} />
      <Problem error={decide.error} testId="officer-decide-problem" />
      {decide.isSuccess ? <Alert type="success" showIcon title={t.done} /> : (
        <div className="row">
          <Button type="primary" disabled={!signature.trim()} loading={decide.isPending} onClick={() => send('approve')}>{t.approve}</Button>
          <Button danger disabled={!signature.trim()} loading={decide.isPending} onClick={() => send('reject')}>{t.reject}</Button>
        </div>
      )}
    </div>
  )
}
