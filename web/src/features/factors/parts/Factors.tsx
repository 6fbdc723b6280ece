import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { minute } from '@/lib/time'
import { CopyText } from '@/ui/CopyText'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { confirmPhone, confirmTOTP, enrolTOTP, factorsQuery, phoneScanQuery, removeFactor, renewRecovery, startPhone } from '../queries'
import { useText } from '../text'
import { Enrol } from './Enrol'
import { RecoveryCodes } from './RecoveryCodes'

/** One's own second factors: set, used, removed. */
export function Factors() {
  const { factors: t } = useText()
  const query = useQuery(factorsQuery)
  const [codes, setCodes] = useState<string[]>([])
  return (
    <section className="panel stack" data-testid="factors">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
      {codes.length > 0 ? <RecoveryCodes codes={codes} done={() => setCodes([])} /> : <Ready query={query}>{(list) => <List list={list} show={setCodes} />}</Ready>}
    </section>
  )
}

type Doing = 'totp' | 'phone' | 'renew' | { remove: string } | null

function List({ list, show }: { list: Schema<'FactorList'>; show: (codes: string[]) => void }) {
  const { factors: t } = useText()
  const [doing, setDoing] = useState<Doing>(null)
  const done = (codes: string[]) => {
    setDoing(null)
    show(codes)
  }
  return (
    <>
      {list.items.length === 0 && <p style={{ margin: 0 }}>{t.none}{list.required && t.mustHave}</p>}
      <ul className="cards">
        {list.items.map((f) => (
          <li key={f.id} className="row" data-testid={`factor-${f.kind}`}>
            <strong>{t.kinds[f.kind]}</strong>
            {f.kind === 'phone' && <span>{f.name}</span>}
            <span className="quiet">{t.since(minute(f.createdAt))}{f.usedAt && ` · ${t.used(minute(f.usedAt))}`}</span>
            <Button size="small" style={{ marginInlineStart: 'auto' }} onClick={() => setDoing({ remove: f.id })}>{t.remove}</Button>
          </li>
        ))}
      </ul>
      <div className="row">
        <Button onClick={() => setDoing('totp')} data-testid="factor-add-totp">{t.addTOTP}</Button>
        <Button onClick={() => setDoing('phone')} data-testid="factor-add-phone">{t.addPhone}</Button>
        {list.items.length > 0 && <Button onClick={() => setDoing('renew')}>{t.renew}</Button>}
        {list.items.length > 0 && <span className="quiet">{t.codesLeft(list.codesLeft)}</span>}
      </div>
      <Modal open={doing !== null} onCancel={() => setDoing(null)} footer={null} destroyOnHidden title={t.heading}>
        {doing === 'totp' && <AddTOTP done={done} />}
        {doing === 'phone' && <AddPhone ask={list.items.length > 0} done={done} />}
        {doing === 'renew' && <Renew done={done} />}
        {doing !== null && typeof doing === 'object' && <Remove id={doing.remove} done={() => done([])} />}
      </Modal>
    </>
  )
}

function AddTOTP({ done }: { done: (codes: string[]) => void }) {
  const { factors: t } = useText()
  const start = useMutation(enrolTOTP)
  const confirm = useMutation({ ...confirmTOTP, onSuccess: ({ codes }) => done(codes) })
  const made = start.data
  if (made) return <Enrol made={made} confirm={(code) => confirm.mutate({ factorId: made.factorId, code })} busy={confirm.isPending} error={confirm.error} />
  return (
    <div className="stack">
      <Problem error={start.error} testId="totp-problem" />
      <Button type="primary" loading={start.isPending} onClick={() => start.mutate()} data-testid="totp-start">{t.addTOTP}</Button>
    </div>
  )
}

function AddPhone({ ask, done }: { ask: boolean; done: (codes: string[]) => void }) {
  const { factors: t } = useText()
  const start = useMutation(startPhone)
  if (start.data) return <BindPhone key={start.data.id} scan={start.data} ask={ask} done={done} again={() => start.mutate()} />
  return (
    <div className="stack">
      <Problem error={start.error} testId="phone-problem" />
      <Button type="primary" loading={start.isPending} onClick={() => start.mutate()} data-testid="phone-start">{t.addPhone}</Button>
    </div>
  )
}

function BindPhone({ scan, ask, done, again }: { scan: Schema<'Scan'>; ask: boolean; done: (codes: string[]) => void; again: () => void }) {
  const { factors: t, second } = useText()
  const query = useQuery(phoneScanQuery(scan.id))
  const confirm = useMutation({ ...confirmPhone, onSuccess: ({ codes }) => done(codes) })
  const state = query.data?.state ?? 'waiting'
  if (state === 'scanned') {
    return (
      <div className="stack" data-testid="phone-found">
        <Alert type="info" showIcon title={t.phoneFound(query.data?.phone ?? '', query.data?.mark ?? '')} />
        {ask ? <AskCode busy={confirm.isPending} error={confirm.error} submit={(code) => confirm.mutate(code)} /> : (
          <>
            <Problem error={confirm.error} testId="ask-problem" />
            <Button type="primary" loading={confirm.isPending} onClick={() => confirm.mutate('')} data-testid="phone-confirm">{t.confirm}</Button>
          </>
        )}
      </div>
    )
  }
  if (state !== 'waiting') {
    return (
      <div className="stack">
        <Alert type="warning" showIcon title={second.expired} />
        <Button onClick={again}>{second.refresh}</Button>
      </div>
    )
  }
  return (
    <div className="stack">
      <p style={{ margin: 0 }}>{t.phoneHint}</p>
      <p style={{ textAlign: 'center', margin: 0 }}><img src={scan.qr} alt={second.qrAlt} style={{ width: 240, imageRendering: 'pixelated' }} /></p>
      <details>
        <summary>{second.openHere}</summary>
        <CopyText text={scan.url ?? ''} testId="phone-url" />
      </details>
    </div>
  )
}

function AskCode({ busy, error, submit }: { busy: boolean; error: unknown; submit: (code: string) => void }) {
  const { factors: t } = useText()
  return (
    <Form<{ code: string }> name="ask" layout="vertical" onFinish={({ code }) => submit(code.trim())}>
      <Form.Item name="code" label={t.ask} rules={[{ required: true, whitespace: true }]}>
        <Input autoComplete="one-time-code" maxLength={40} data-testid="ask-code" />
      </Form.Item>
      <Problem error={error} testId="ask-problem" />
      <Button type="primary" htmlType="submit" loading={busy} data-testid="ask-submit">{t.confirm}</Button>
    </Form>
  )
}

function Renew({ done }: { done: (codes: string[]) => void }) {
  const renew = useMutation({ ...renewRecovery, onSuccess: ({ codes }) => done(codes) })
  return <AskCode busy={renew.isPending} error={renew.error} submit={(code) => renew.mutate(code)} />
}

function Remove({ id, done }: { id: string; done: () => void }) {
  const remove = useMutation({ ...removeFactor, onSuccess: done })
  return <AskCode busy={remove.isPending} error={remove.error} submit={(code) => remove.mutate({ id, code })} />
}
