import { Form, Input } from 'antd'
import { scorePassword } from '@/lib/password'
import { useEntryText } from '../entryText'
import { PasswordMeter } from './PasswordMeter'

/** New password with its meter, and once more; fields `password` and `confirm` of the form around. */
export function NewPassword({ testId }: { testId: string }) {
  const { supplement: t } = useEntryText()
  const password = Form.useWatch<string | undefined>('password') ?? ''
  return (
    <>
      <Form.Item
        name="password"
        label={t.password}
        extra={<>{t.passwordHint}<PasswordMeter password={password} /></>}
        rules={[{ required: true }, { validator: (_rule, value: string) => (!value || scorePassword(value).ok ? Promise.resolve() : Promise.reject(new Error(t.passwordHint))) }]}
      >
        <Input.Password autoComplete="new-password" maxLength={128} data-testid={`${testId}-password`} />
      </Form.Item>
      <Form.Item
        name="confirm"
        label={t.confirm}
        dependencies={['password']}
        rules={[{ required: true }, { validator: (_rule, value: string) => (!value || value === password ? Promise.resolve() : Promise.reject(new Error(t.mismatch))) }]}
      >
        <Input.Password autoComplete="new-password" maxLength={128} data-testid={`${testId}-confirm`} />
      </Form.Item>
    </>
  )
}
