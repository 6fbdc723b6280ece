import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Button, Form, Input } from 'antd'
import { useCallback, useState, type KeyboardEvent } from 'react'
import { Link, useNavigate } from 'react-router'
import { changePerson, sessionQuery, type Session } from '@/api/session'
import { Problem } from '@/ui/Problem'
import { login, logout } from '../queries'
import { useText } from '../text'
import { CaptchaField } from './CaptchaField'

interface Props {
  /** slug of the page, when it is a project's */
  project?: string
  staff?: boolean
  onLogin: (session: Session) => void
}

/** 用户登录: user name, password, image code. Whoever is logged in already sees that instead. */
export function LoginPanel(props: Props) {
  const session = useQuery(sessionQuery)
  return session.data ? <Already session={session.data} enter={props.onLogin} /> : <LoginForm {...props} />
}

interface Fields {
  login: string
  password: string
  captcha: string
}

function LoginForm({ project, staff = false, onLogin }: Props) {
  const { login: t } = useText()
  const client = useQueryClient()
  const [form] = Form.useForm<Fields>()
  const [turn, setTurn] = useState(0)
  const [captchaId, setCaptchaId] = useState('')
  const [capsLock, setCapsLock] = useState(false)
  const another = useCallback(() => setTurn((n) => n + 1), [])
  const attempt = useMutation({
    ...login,
    onSuccess: (session) => {
      changePerson(client, session)
      onLogin(session)
    },
    onError: () => {
      another() // the server has used the image up, right or wrong
      form.resetFields(['captcha'])
    },
  })
  const watchCaps = (event: KeyboardEvent) => setCapsLock(event.getModifierState('CapsLock'))
  const submit = (fields: Fields) =>
    attempt.mutate({ ...fields, login: fields.login.trim(), captcha: fields.captcha.trim(), captchaId, ...(project ? { project } : {}) })

  return (
    <section className="panel" aria-labelledby="login-heading" data-testid="login-panel">
      <h2 className="title" id="login-heading">{staff ? t.staffHeading : t.heading}</h2>
      <Form form={form} name="login" layout="vertical" requiredMark={false} onFinish={submit}>
        <Form.Item name="login" label={t.username} rules={[{ required: true, whitespace: true }]} extra={staff ? null : t.usernameHint}>
          <Input autoComplete="username" maxLength={64} data-testid="login-username" />
        </Form.Item>
        <Form.Item name="password" label={t.password} rules={[{ required: true }]} extra={capsLock ? t.capsLock : null}>
          <Input.Password autoComplete="current-password" maxLength={128} data-testid="login-password" onKeyUp={watchCaps} />
        </Form.Item>
        <CaptchaField turn={turn} another={another} onId={setCaptchaId} />
        <div className="stack">
          <Problem error={attempt.error} testId="login-problem" />
          <Button type="primary" htmlType="submit" size="large" block loading={attempt.isPending} data-testid="login-submit">{t.submit}</Button>
          {!staff && (
            <div className="row" style={{ justifyContent: 'space-between' }}>
              <Link to="/not-open?about=register" data-testid="login-register">{t.register}</Link>
              <Link to="/not-open?about=forgot" data-testid="login-forgot">{t.forgot}</Link>
            </div>
          )}
        </div>
      </Form>
    </section>
  )
}

function Already({ session, enter }: { session: Session; enter: (session: Session) => void }) {
  const { login: t } = useText()
  return (
    <section className="panel stack" data-testid="login-already">
      <h2 className="title">{t.already(session.displayName || session.login)}</h2>
      <Button type="primary" size="large" onClick={() => enter(session)}>{t.enter}</Button>
      <LogoutButton />
    </section>
  )
}

export function LogoutButton({ to = '/' }: { to?: string }) {
  const { login: t } = useText()
  const client = useQueryClient()
  const navigate = useNavigate()
  const leave = useMutation({
    ...logout,
    onSettled: async () => {
      await navigate(to) // first, or the guards would take this for a lost session
      changePerson(client, null)
    },
  })
  return <Button size="small" onClick={() => leave.mutate()} loading={leave.isPending} data-testid="logout">{t.logout}</Button>
}
