import { Alert, Button, Form, Input } from 'antd'
import { useSecondsUntil } from '@/lib/clock'
import type { CodeSent } from '../queries'
import { useEntryText } from '../entryText'
import { SimulatedBanner } from './SupplementForm'

interface Props {
  sent: { phone: string; code: CodeSent }
  again: () => void
  testId: string
}

/** The code that was sent, as the field `code` of the form around, and the way to another. */
export function SentCode({ sent, again, testId }: Props) {
  const { forgot: t, supplement, ways } = useEntryText()
  const left = useSecondsUntil(sent.code.resendAt)
  return (
    <>
      <Alert type="info" showIcon style={{ marginBottom: 16 }} title={ways.sent(sent.phone)} data-testid={`${testId}-sent`} />
      {sent.code.simulated && <SimulatedBanner phone={sent.phone} />}
      <Form.Item name="code" label={t.code} rules={[{ required: true, whitespace: true }]} extra={<Button type="link" size="small" style={{ padding: 0 }} disabled={left > 0} onClick={again} data-testid={`${testId}-again`}>{left > 0 ? supplement.resend(left) : supplement.resendNow}</Button>}>
        <Input inputMode="numeric" autoComplete="one-time-code" maxLength={10} data-testid={`${testId}-code`} />
      </Form.Item>
    </>
  )
}
