import { useMutation } from '@tanstack/react-query'
import { Alert, App, Button, Form, Input } from 'antd'
import { useState, type ReactNode } from 'react'
import type { Schema } from '@/api/client'
import { codeOf } from '@/api/refusal'
import { useCommon } from '@/i18n/common'
import { useSecondsUntil } from '@/lib/clock'
import { scorePassword } from '@/lib/password'
import { Problem } from '@/ui/Problem'
import { checkCode, completeSupplement, sendCode } from '../queries'
import { useEntryText } from '../entryText'
import { PasswordMeter } from './PasswordMeter'

const isPhone = (phone: string) => /^1[3-9]\d{9}$/.test(phone)

interface Props {
  supplement: Schema<'Supplement'>
  done: (result: Schema<'SupplementDone'>) => void
}

/** 补录: phone with a code, new password twice; a green tick per field that has passed. Source: S002-07…18. */
export function SupplementForm({ supplement, done }: Props) {
  const { supplement: t } = useEntryText()
  const common = useCommon()
  const { modal } = App.useApp()
  const [phone, setPhone] = useState(supplement.codePhone || supplement.phone)
  const [code, setCode] = useState('')
  const [checked, setChecked] = useState('') // phone and code the server has called right
  const [password, setPassword] = useState('')
  const [confirm, setConfirm] = useState('')
  const send = useMutation({
    ...sendCode,
    onSuccess: () => void modal.info({ title: t.sentTitle, content: t.sent, okText: common.confirm, okButtonProps: { 'data-testid': 'supplement-sent-ok' } }),
  })
  const check = useMutation({ ...checkCode, onSuccess: (_nothing, asked) => setChecked(`${asked.phone} ${asked.code}`) })
  const complete = useMutation({ ...completeSupplement, onSuccess: done })

  const codeOk = checked === `${phone} ${code}`
  const passwordOk = scorePassword(password).ok
  const confirmOk = passwordOk && confirm === password
  const typeCode = (next: string) => {
    const digits = next.replace(/\D/g, '').slice(0, 6)
    setCode(digits)
    if (digits.length === 6 && digits !== code) check.mutate({ phone, code: digits })
  }

  return (
    <Form layout="vertical" requiredMark onFinish={() => complete.mutate({ phone, code, password, confirm })}>
      {send.data?.simulated && <SimulatedBanner phone={phone} />}
      <Field id="supplement-phone" label={t.phone} ok={codeOk} hint={phone && !isPhone(phone) ? t.phoneBad : ''}>
        <Input
          id="supplement-phone"
          data-testid="supplement-phone"
          value={phone}
          inputMode="tel"
          autoComplete="tel"
          maxLength={20}
          onChange={(event) => setPhone(event.target.value.trim())}
          style={{ flex: '1 1 200px', minWidth: 0 }}
        />
        <SendButton resendAt={send.data?.resendAt ?? supplement.resendAt} ready={isPhone(phone)} busy={send.isPending} send={() => send.mutate(phone)} />
      </Field>
      <div className="stack" style={{ gap: 0 }}>
        <SendProblem error={send.error} contactPhone={supplement.contactPhone} />
        <Field id="supplement-code" label={t.code} ok={codeOk}>
          <Input
            id="supplement-code"
            data-testid="supplement-code"
            value={code}
            inputMode="numeric"
            autoComplete="one-time-code"
            onChange={(event) => typeCode(event.target.value)}
          />
        </Field>
        {!codeOk && <Spaced><Problem error={check.error} testId="supplement-code-problem" /></Spaced>}
        <Field id="supplement-password" label={t.password} ok={passwordOk} hint={t.passwordHint} below={<PasswordMeter password={password} />}>
          <Input.Password
            id="supplement-password"
            data-testid="supplement-password"
            value={password}
            autoComplete="new-password"
            maxLength={128}
            onChange={(event) => setPassword(event.target.value)}
          />
        </Field>
        <Field id="supplement-confirm" label={t.confirm} ok={confirmOk} hint={confirm && confirm !== password ? t.mismatch : ''}>
          <Input.Password
            id="supplement-confirm"
            data-testid="supplement-confirm"
            value={confirm}
            autoComplete="new-password"
            maxLength={128}
            onChange={(event) => setConfirm(event.target.value)}
          />
        </Field>
      </div>
      <OldInformation supplement={supplement} />
      <div className="stack" style={{ marginTop: 20 }}>
        <Problem error={complete.error} testId="supplement-problem" />
        <Button
          type="primary"
          size="large"
          htmlType="submit"
          disabled={!(codeOk && passwordOk && confirmOk)}
          loading={complete.isPending}
          data-testid="supplement-submit"
        >
          {t.submit}
        </Button>
      </div>
    </Form>
  )
}

function SendButton({ resendAt, ready, busy, send }: { resendAt: string | undefined; ready: boolean; busy: boolean; send: () => void }) {
  const { supplement: t } = useEntryText()
  const left = useSecondsUntil(resendAt)
  const label = left > 0 ? t.resend(left) : resendAt ? t.resendNow : t.send
  return (
    <Button onClick={send} disabled={!ready || left > 0} loading={busy} data-testid="supplement-send">{label}</Button>
  )
}

function SendProblem({ error, contactPhone }: { error: unknown; contactPhone: string }) {
  const { supplement: t } = useEntryText()
  if (!error) return null
  return (
    <Spaced>
      <Problem error={error} testId="supplement-send-problem" />
      {codeOf(error) === 'phone_used' && <p data-testid="supplement-contact">{t.used(contactPhone)}</p>}
    </Spaced>
  )
}

/** No SMS leaves the house: says so, and where the code can be read. */
export function SimulatedBanner({ phone }: { phone: string }) {
  const { supplement: t } = useEntryText()
  return (
    <Alert
      type="warning"
      showIcon
      style={{ marginBottom: 16 }}
      data-testid="supplement-simulated"
      title={t.simulated}
      description={<a href={`/api/v1/dev/outbox?to=${encodeURIComponent(phone)}`} target="_blank" rel="noreferrer">{t.outbox}</a>}
    />
  )
}

interface FieldProps {
  id: string
  label: string
  ok: boolean
  hint?: string
  below?: ReactNode
  children: ReactNode
}

function Field({ id, label, ok, hint, below, children }: FieldProps) {
  const { supplement: t } = useEntryText()
  return (
    <Form.Item label={label} htmlFor={id} required extra={<>{hint}{below}</>}>
      <div className="row" style={{ flexWrap: 'nowrap' }}>
        <div className="row" style={{ flex: 1, minWidth: 0 }}>{children}</div>
        <span data-testid={`${id}-tick`} role="status" style={{ width: 24, color: '#22763a', fontSize: 20, fontWeight: 700 }}>
          {ok && <span role="img" aria-label={t.passed}>✓</span>}
        </span>
      </div>
    </Form.Item>
  )
}

function OldInformation({ supplement }: { supplement: Schema<'Supplement'> }) {
  const { supplement: t } = useEntryText()
  const lines: [string, string][] = [
    [t.organisation, supplement.organisationName],
    [t.code2, supplement.organisationCode],
    [t.handler, supplement.handlerName],
    [t.handlerPhone, supplement.handlerPhone],
  ]
  return (
    <section className="notice" style={{ borderLeftColor: '#94a3b8' }} aria-label={t.panel} data-testid="supplement-old">
      <h2 className="title">{t.panel}</h2>
      <dl style={{ display: 'grid', gridTemplateColumns: 'minmax(7em, auto) 1fr', gap: '6px 16px', margin: 0 }}>
        {lines.map(([label, value]) => (
          <div key={label} style={{ display: 'contents' }}>
            <dt className="quiet">{label}</dt>
            <dd className="wrap" style={{ margin: 0 }}>{value || '—'}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

const Spaced = ({ children }: { children: ReactNode }) => <div style={{ marginBottom: 16 }}>{children}</div>
