import { useMutation } from '@tanstack/react-query'
import { Button, Form, Input } from 'antd'
import { useCallback, useState } from 'react'
import { Problem } from '@/ui/Problem'
import type { AskCode as Request, CodeSent } from '../queries'
import { useText } from '../text'
import { CaptchaField } from './CaptchaField'

interface Props {
  ask: (request: Request) => Promise<CodeSent>
  sent: (answer: { phone: string; code: CodeSent }) => void
  testId: string
}

/** A phone and the image code: how everybody without a session asks for an SMS code. */
export function AskCode({ ask, sent, testId }: Props) {
  const { forgot: t, supplement } = useText()
  const [form] = Form.useForm<{ phone: string; captcha: string }>()
  const [turn, setTurn] = useState(0)
  const [captchaId, setCaptchaId] = useState('')
  const another = useCallback(() => setTurn((n) => n + 1), [])
  const send = useMutation({
    mutationFn: ask,
    onSuccess: (code, { phone }) => sent({ phone, code }),
    onError: () => {
      another() // the server has used the image up, right or wrong
      form.resetFields(['captcha'])
    },
  })
  return (
    <Form form={form} name={testId} layout="vertical" requiredMark={false} onFinish={({ phone, captcha }) => send.mutate({ phone: phone.trim(), captcha: captcha.trim(), captchaId })}>
      <Form.Item name="phone" label={t.phone} rules={[{ required: true, whitespace: true }, { pattern: /^\s*1[3-9]\d{9}\s*$/, message: supplement.phoneBad }]}>
        <Input inputMode="tel" autoComplete="tel" maxLength={20} data-testid={`${testId}-phone`} />
      </Form.Item>
      <CaptchaField turn={turn} another={another} onId={setCaptchaId} />
      <div className="stack">
        <Problem error={send.error} testId={`${testId}-send-problem`} />
        <Button type="primary" htmlType="submit" size="large" block loading={send.isPending} data-testid={`${testId}-send`}>{t.send}</Button>
      </div>
    </Form>
  )
}
