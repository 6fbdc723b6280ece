import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Form, Input } from 'antd'
import { useState } from 'react'
import { codeOf, Refusal } from '@/api/refusal'
import type { Schema } from '@/api/client'
import { Problem } from '@/ui/Problem'
import { changePassword, sessionsQuery } from '../queries'
import { useText } from '../text'
import { NewPassword } from './NewPassword'

/** 修改密码: closed until wanted. */
export function PasswordChange() {
  const { change: t } = useText()
  const [open, setOpen] = useState(false)
  const client = useQueryClient()
  const change = useMutation({
    ...changePassword,
    onSuccess: () => {
      setOpen(false)
      void client.invalidateQueries({ queryKey: sessionsQuery.queryKey })
    },
  })
  return (
    <section className="panel stack" data-testid="password-change">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
      {change.isSuccess && !open && <Alert type="success" showIcon title={t.done} data-testid="password-changed" />}
      {open ? (
        <Form<Schema<'ChangePasswordRequest'>> name="change" layout="vertical" onFinish={(fields) => change.mutate(fields)} style={{ maxWidth: 460 }}>
          <Form.Item name="old" label={t.old} rules={[{ required: true }]}>
            <Input.Password autoComplete="current-password" maxLength={128} data-testid="change-old" />
          </Form.Item>
          <NewPassword testId="change" />
          <div className="stack">
            <ChangeProblem error={change.error} />
            <div className="row">
              <Button type="primary" htmlType="submit" loading={change.isPending} data-testid="change-submit">{t.submit}</Button>
              <Button onClick={() => setOpen(false)}>{t.cancel}</Button>
            </div>
          </div>
        </Form>
      ) : (
        <div><Button onClick={() => { change.reset(); setOpen(true) }} data-testid="change-open">{t.heading}</Button></div>
      )}
    </section>
  )
}

/** The old password is no login: it is said which of the three is wrong. */
function ChangeProblem({ error }: { error: unknown }) {
  const { change: t } = useText()
  if (codeOf(error) !== 'login_failed') return <Problem error={error} testId="change-problem" />
  const left = error instanceof Refusal ? Number(error.params.triesLeft) : 0
  return <Alert type="error" showIcon role="alert" data-testid="change-problem" data-code="login_failed" title={t.oldWrong(left)} />
}
