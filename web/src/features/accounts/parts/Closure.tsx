import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Form, Input } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { codeOf, Refusal } from '@/api/refusal'
import { sessionQuery } from '@/api/session'
import { moment } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { profileQuery, requestClosure, withdrawClosure } from '../queries'
import { useText } from '../text'

/** 注销账号: asked for with the password, happens after seven days, can be taken back until then. */
export function Closure({ profile }: { profile: Schema<'Profile'> }) {
  const { closure: t, change } = useText()
  const client = useQueryClient()
  const session = useQuery(sessionQuery)
  const [open, setOpen] = useState(false)
  const again = () => client.invalidateQueries({ queryKey: profileQuery.queryKey })
  const ask = useMutation({
    ...requestClosure,
    onSuccess: () => {
      setOpen(false)
      void again()
    },
  })
  const withdraw = useMutation({ ...withdrawClosure, onSuccess: again })
  return (
    <section className="panel stack" data-testid="closure">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      {profile.closeAt ? (
        <>
          <Alert type="warning" showIcon title={t.waiting(moment(profile.closeAt))} data-testid="closure-waiting" />
          <Problem error={withdraw.error} testId="closure-withdraw-problem" />
          <div><Button onClick={() => withdraw.mutate()} loading={withdraw.isPending} data-testid="closure-withdraw">{t.withdraw}</Button></div>
        </>
      ) : (
        <>
          <p className="quiet" style={{ margin: 0 }}>{profile.member === 'owner' ? t.whatOwner : t.what}</p>
          {(session.data?.serves ?? 1) > 1 && <p className="quiet" style={{ margin: 0 }}>{t.one}</p>}
          {open ? (
            <Form<{ password: string }> name="closure" layout="vertical" onFinish={({ password }) => ask.mutate(password)} style={{ maxWidth: 460 }}>
              <Form.Item name="password" label={t.password} rules={[{ required: true }]}>
                <Input.Password autoComplete="current-password" maxLength={128} data-testid="closure-password" />
              </Form.Item>
              <div className="stack">
                <ClosureProblem error={ask.error} />
                <div className="row">
                  <Button danger type="primary" htmlType="submit" loading={ask.isPending} data-testid="closure-submit">{t.submit}</Button>
                  <Button onClick={() => setOpen(false)}>{change.cancel}</Button>
                </div>
              </div>
            </Form>
          ) : (
            <div><Button danger onClick={() => setOpen(true)} data-testid="closure-open">{t.heading}</Button></div>
          )}
        </>
      )}
    </section>
  )
}

/** What is open is said, and the password is no login. */
function ClosureProblem({ error }: { error: unknown }) {
  const { closure: t } = useText()
  const params = error instanceof Refusal ? error.params : {}
  const title = codeOf(error) === 'login_failed' ? t.passwordWrong(Number(params.triesLeft)) : codeOf(error) === 'closure_blocked' ? t.blocked(Number(params.orders), Number(params.applications), Number(params.certificates)) : ''
  return title ? <Alert type="error" showIcon role="alert" title={title} data-testid="closure-problem" data-code={codeOf(error)} /> : <Problem error={error} testId="closure-problem" />
}
