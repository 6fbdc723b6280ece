import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Result } from 'antd'
import { useCallback, useState } from 'react'
import type { Schema } from '@/api/client'
import { useSecondsUntil } from '@/lib/clock'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { CaptchaField } from '../parts/CaptchaField'
import { NewPassword } from '../parts/NewPassword'
import { SimulatedBanner } from '../parts/SupplementForm'
import { resetPassword, sendResetCode } from '../queries'
import { useText } from '../text'

/** 忘记密码: phone and image code, then SMS code and new password. It never says whether a phone has an account. */
export function ForgotPage() {
  const { forgot: t } = useText()
  const [sent, setSent] = useState<{ phone: string; code: Schema<'CodeSent'> } | null>(null)
  const [done, setDone] = useState(false)
  return (
    <div className="page page-narrow" style={{ maxWidth: 520 }}>
      <Title text={t.page} extra={<LinkButton to="/login">{t.toLogin}</LinkButton>} />
      {done ? (
        <Result
          status="success"
          title={<span data-testid="forgot-done">{t.done}</span>}
          subTitle={t.doneText}
          extra={<LinkButton type="primary" to="/login" data-testid="forgot-login">{t.toLogin}</LinkButton>}
        />
      ) : (
        <section className="panel stack">
          {sent ? <SetPassword sent={sent} again={() => setSent(null)} done={() => setDone(true)} /> : <AskCode sent={setSent} />}
          <p className="quiet" style={{ margin: 0 }}>{t.noPhone}</p>
        </section>
      )}
    </div>
  )
}

function AskCode({ sent }: { sent: (answer: { phone: string; code: Schema<'CodeSent'> }) => void }) {
  const { forgot: t, supplement } = useText()
  const [form] = Form.useForm<{ phone: string; captcha: string }>()
  const [turn, setTurn] = useState(0)
  const [captchaId, setCaptchaId] = useState('')
  const another = useCallback(() => setTurn((n) => n + 1), [])
  const ask = useMutation({
    ...sendResetCode,
    onSuccess: (code, { phone }) => sent({ phone, code }),
    onError: () => {
      another() // the server has used the image up, right or wrong
      form.resetFields(['captcha'])
    },
  })
  return (
    <Form form={form} name="forgot" layout="vertical" requiredMark={false} onFinish={({ phone, captcha }) => ask.mutate({ phone: phone.trim(), captcha: captcha.trim(), captchaId })}>
      <Form.Item name="phone" label={t.phone} rules={[{ required: true, whitespace: true }, { pattern: /^\s*1[3-9]\d{9}\s*$/, message: supplement.phoneBad }]}>
        <Input inputMode="tel" autoComplete="tel" maxLength={20} data-testid="forgot-phone" />
      </Form.Item>
      <CaptchaField turn={turn} another={another} onId={setCaptchaId} />
      <div className="stack">
        <Problem error={ask.error} testId="forgot-send-problem" />
        <Button type="primary" htmlType="submit" size="large" block loading={ask.isPending} data-testid="forgot-send">{t.send}</Button>
      </div>
    </Form>
  )
}

interface SetProps {
  sent: { phone: string; code: Schema<'CodeSent'> }
  again: () => void
  done: () => void
}

function SetPassword({ sent, again, done }: SetProps) {
  const { forgot: t, supplement } = useText()
  const left = useSecondsUntil(sent.code.resendAt)
  const reset = useMutation({ ...resetPassword, onSuccess: done })
  return (
    <Form<{ code: string; password: string; confirm: string }>
      name="reset"
      layout="vertical"
      requiredMark={false}
      onFinish={(fields) => reset.mutate({ ...fields, code: fields.code.trim(), phone: sent.phone })}
    >
      <Alert type="info" showIcon style={{ marginBottom: 16 }} title={t.sent(sent.phone)} data-testid="forgot-sent" />
      {sent.code.simulated && <SimulatedBanner phone={sent.phone} />}
      <Form.Item name="code" label={t.code} rules={[{ required: true, whitespace: true }]}>
        <Input inputMode="numeric" autoComplete="one-time-code" maxLength={10} data-testid="forgot-code" />
      </Form.Item>
      <NewPassword testId="forgot" />
      <div className="stack">
        <Problem error={reset.error} testId="forgot-problem" />
        <Button type="primary" htmlType="submit" size="large" block loading={reset.isPending} data-testid="forgot-submit">{supplement.submit}</Button>
        <Button block disabled={left > 0} onClick={again} data-testid="forgot-again">{left > 0 ? supplement.resend(left) : supplement.resendNow}</Button>
      </div>
    </Form>
  )
}
