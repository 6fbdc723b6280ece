import { useMutation } from '@tanstack/react-query'
import { Button, Form } from 'antd'
import { useState } from 'react'
import { Problem } from '@/ui/Problem'
import { askCode, loginByCode, type CodeSent, type Entered } from '../queries'
import { useEntryText } from '../entryText'
import { AskCode } from './AskCode'
import { SentCode } from './SentCode'

interface Props {
  project?: string
  entered: (answer: Entered) => void
}

/** 短信登录. It never says whether a phone has an account. */
export function CodeLogin({ project, entered }: Props) {
  const { login: t } = useEntryText()
  const [sent, setSent] = useState<{ phone: string; code: CodeSent } | null>(null)
  const attempt = useMutation({ ...loginByCode, onSuccess: entered })
  if (!sent) return <AskCode ask={askCode.login} sent={setSent} testId="code-login" />
  return (
    <Form<{ code: string }> name="code-login" layout="vertical" requiredMark={false} onFinish={({ code }) => attempt.mutate({ phone: sent.phone, code: code.trim(), ...(project ? { project } : {}) })}>
      <SentCode sent={sent} again={() => setSent(null)} testId="code-login" />
      <div className="stack">
        <Problem error={attempt.error} testId="code-login-problem" />
        <Button type="primary" htmlType="submit" size="large" block loading={attempt.isPending} data-testid="code-login-submit">{t.submit}</Button>
      </div>
    </Form>
  )
}
