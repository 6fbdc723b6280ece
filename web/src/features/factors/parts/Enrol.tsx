import { Button, Form, Input } from 'antd'
import type { Schema } from '@/api/client'
import { CopyText } from '@/ui/CopyText'
import { Problem } from '@/ui/Problem'
import { useText } from '../text'

interface Props {
  made: Schema<'TOTPEnrolment'>
  confirm: (code: string) => void
  busy: boolean
  error: unknown
}

/** The QR code of a TOTP secret and the first code from the authenticator. */
export function Enrol({ made, confirm, busy, error }: Props) {
  const { enrol: t } = useText()
  return (
    <Form<{ code: string }> name="enrol" layout="vertical" onFinish={({ code }) => confirm(code)} data-testid="enrol">
      <p>{t.why}</p>
      <p style={{ textAlign: 'center' }}><img src={made.qr} alt={t.qrAlt} style={{ width: 220, imageRendering: 'pixelated' }} /></p>
      <p className="quiet">{t.secret}: <CopyText text={made.secret} testId="enrol-secret" /></p>
      <Form.Item name="code" label={t.code} rules={[{ required: true }]}>
        <Input inputMode="numeric" autoComplete="one-time-code" maxLength={10} data-testid="enrol-code" />
      </Form.Item>
      <Problem error={error} testId="enrol-problem" />
      <Button type="primary" htmlType="submit" block loading={busy} data-testid="enrol-submit">{t.submit}</Button>
    </Form>
  )
}
