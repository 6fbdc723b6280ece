import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Segmented } from 'antd'
import { useEffect, useRef, useState } from 'react'
import type { Schema } from '@/api/client'
import type { Session } from '@/api/session'
import { useCommon } from '@/i18n/common'
import { useSecondsUntil } from '@/lib/clock'
import { CopyText } from '@/ui/CopyText'
import { Problem } from '@/ui/Problem'
import { confirmLogin, enrolLogin, finishByCode, finishByScan, loginScanQuery, startLoginScan } from '../queries'
import { useText } from '../text'
import { Enrol } from './Enrol'
import { RecoveryCodes } from './RecoveryCodes'

interface Props {
  pending: Schema<'PendingLogin'>
  onSession: (session: Session) => void
  back: () => void
}

/** After the right password: the phone, a code, or setting the first factor. Source: S000-26…29. */
export function SecondStep({ pending, onSession, back }: Props) {
  const { second: t } = useText()
  const [kind, setKind] = useState<Schema<'FactorKind'>>(pending.kinds[0] ?? 'totp')
  return (
    <section className="stack" aria-labelledby="second-heading" data-testid="second-step">
      <h2 className="title" id="second-heading" style={{ margin: 0 }}>{t.heading}</h2>
      <p style={{ margin: 0 }}>{t.who(pending.login)}</p>
      {pending.enrol ? (
        <FirstFactor onSession={onSession} back={back} />
      ) : (
        <>
          {pending.kinds.length > 1 && (
            <Segmented block value={kind} onChange={setKind} options={pending.kinds.map((value) => ({ value, label: t[value] }))} data-testid="second-kind" />
          )}
          {kind === 'phone' ? <ByPhone onSession={onSession} /> : <ByCode onSession={onSession} />}
        </>
      )}
      {!pending.enrol && <Back back={back} />}
    </section>
  )
}

function Back({ back }: { back: () => void }) {
  const { second: t } = useText()
  return <Button type="link" onClick={back} data-testid="second-back">{t.back}</Button>
}

function ByCode({ onSession }: { onSession: (session: Session) => void }) {
  const { second: t } = useText()
  const finish = useMutation({ ...finishByCode, onSuccess: onSession })
  return (
    <Form<{ code: string }> name="second" layout="vertical" onFinish={({ code }) => finish.mutate(code.trim())}>
      <Form.Item name="code" label={t.code} extra={t.codeHint} rules={[{ required: true, whitespace: true }]}>
        <Input autoComplete="one-time-code" maxLength={40} autoFocus data-testid="second-code" />
      </Form.Item>
      <div className="stack">
        <Problem error={finish.error} testId="second-problem" />
        <Button type="primary" htmlType="submit" size="large" block loading={finish.isPending} data-testid="second-submit">{t.submit}</Button>
      </div>
    </Form>
  )
}

function ByPhone({ onSession }: { onSession: (session: Session) => void }) {
  const { second: t } = useText()
  const start = useMutation(startLoginScan)
  const begin = start.mutate
  useEffect(() => begin(), [begin])
  if (!start.data) return start.error ? <Problem error={start.error} testId="scan-problem" /> : null
  return (
    <>
      <p className="quiet" style={{ margin: 0 }}>{t.scanHint}</p>
      <Code key={start.data.id} scan={start.data} onSession={onSession} again={() => begin()} />
    </>
  )
}

/** One code on screen; it goes on by itself once the phone confirmed. */
function Code({ scan, onSession, again }: { scan: Schema<'Scan'>; onSession: (session: Session) => void; again: () => void }) {
  const { second: t } = useText()
  const { aside } = useCommon().punctuation
  const query = useQuery(loginScanQuery(scan.id))
  const finish = useMutation({ ...finishByScan, onSuccess: onSession })
  const asked = useRef(false)
  const state = query.data?.state ?? 'waiting'
  const left = useSecondsUntil(query.data?.expiresAt ?? scan.expiresAt)
  const exchange = finish.mutate
  useEffect(() => {
    if (state !== 'confirmed' || asked.current) return
    asked.current = true // once: a second exchange would be refused
    exchange()
  }, [state, exchange])
  const over = ['cancelled', 'expired', 'used'].includes(state) && !asked.current
  return (
    <div className="stack" data-testid="scan" data-state={state}>
      <p style={{ textAlign: 'center', margin: 0 }}>
        <img src={scan.qr} alt={t.qrAlt} style={{ width: 240, imageRendering: 'pixelated', opacity: state === 'waiting' ? 1 : 0.15 }} />
      </p>
      {over ? (
        <>
          <Alert type="warning" showIcon title={state === 'cancelled' ? t.cancelled : t.expired} data-testid="scan-over" />
          <Button type="primary" onClick={again} data-testid="scan-refresh">{t.refresh}</Button>
        </>
      ) : (
        <p role="status" style={{ textAlign: 'center', margin: 0 }}>
          {state === 'scanned' ? t.scanned : state === 'confirmed' ? t.confirmed : t.waiting}
          {left > 0 && state !== 'confirmed' && <span className="quiet">{aside(t.left(left))}</span>}
        </p>
      )}
      {state === 'waiting' && (
        <details>
          <summary>{t.openHere}</summary>
          <CopyText text={scan.url ?? ''} testId="scan-url" />
        </details>
      )}
      <Problem error={finish.error} testId="scan-finish-problem" />
    </div>
  )
}

/** Once the factor is set there is no way back: the codes are shown this once. */
function FirstFactor({ onSession, back }: { onSession: (session: Session) => void; back: () => void }) {
  const start = useMutation(enrolLogin)
  const confirm = useMutation(confirmLogin)
  const begin = start.mutate
  useEffect(() => begin(), [begin])
  const entered = confirm.data
  if (entered) return <RecoveryCodes codes={entered.codes} done={() => onSession(entered.session)} />
  const made = start.data
  return (
    <>
      {made ? <Enrol made={made} confirm={(code) => confirm.mutate({ factorId: made.factorId, code })} busy={confirm.isPending} error={confirm.error} /> : <Problem error={start.error} testId="enrol-start-problem" />}
      <Back back={back} />
    </>
  )
}
