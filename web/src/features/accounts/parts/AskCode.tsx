import { useMutation } from '@tanstack/react-query'
import { Button, Form, Input } from 'antd'
import { useCallback, useState } from 'react'
import { Problem } from '@/ui/Problem'
import type { AskCode as Request, CodeSent } from '../queries'
import { useEntryText } from '../entryText'
import { CaptchaField } from './CaptchaField'

interface Props {
  ask: (request: Request & { number: string }) => Promise<CodeSent>
  sent: (answer: { phone: string; number: string; code: CodeSent }) => void
  testId: string
  /** The number of what the code is about, asked for before the phone. */
  about?: { label: string; example: string }
}

/** A phone and the image code: how everybody without a session asks for an SMS code. */
export function AskCode({ ask, sent, testId, about }: Props) {
  const { forgot: t, supplement } = useEntryText()
  const [form] = Form.useForm<{ number?: string; phone: string; captcha: string }>()
  const [turn, setTurn] = useState(0)
  const [captchaId, setCaptchaId] = useState('')
  const another = useCallback(() => setTurn((n) => n + 1), [])
  const send = useMutation({
    mutationFn: ask,
    onSuccess: (code, { phone, number }) => sent({ phone, number, code }),
    onError: () => {
      another() // the server has used the image up, right or wrong
      form.resetFields(['captcha'])
    },
  })
  return (
    <Form form={form} name={testId} layout="vertical" requiredMark={false} onFinish={({ number = '', phone, captcha }) => send.mutate({ number: number.trim(), phone: phone.trim(), captcha: captcha.trim(), captchaId })}>
      {about && (
        <Form.Item name="number" label={about.label} rules={[{ required: true, whitespace: true }]}>
          <Input maxLength={40} placeholder={about.example} autoComplete="off" data-testid={`${testId}-number`} />
        </Form.Item>
      )}
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
