import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Button, Form, Input } from 'antd'
import { lazy, Suspense, useCallback, useState, type KeyboardEvent, type ReactNode } from 'react'
import { Link, useNavigate } from 'react-router'
import type { Schema } from '@/api/client'
import { changePerson, sessionQuery, type Session } from '@/api/session'
import { Problem } from '@/ui/Problem'
import { Loading } from '@/ui/Ready'
import { TabBar } from '@/ui/TabBar'
import { useEntryText } from '../entryText'
import { isPending, login, logout, type Entered } from '../queries'
import { CaptchaField } from './CaptchaField'
import { CodeLogin } from './CodeLogin'

// Its agent and its texts come when it is chosen.
const KeyLoginForm = lazy(async () => ({ default: (await import('./KeyLoginForm')).KeyLoginForm }))

interface Props {
  /** slug of the page, when it is a project's */
  project?: string
  staff?: boolean
  onLogin: (session: Session) => void
  /** shown after the first step of an account with a second factor, whichever way that was */
  second: (pending: Schema<'PendingLogin'>, onSession: (session: Session) => void, back: () => void) => ReactNode
}

/** 用户登录: by password, by SMS or by USB key; staff by password. Whoever is logged in already sees that instead. */
export function LoginPanel(props: Props) {
  const session = useQuery(sessionQuery)
  return session.data ? <Already session={session.data} enter={props.onLogin} /> : <Ways {...props} />
}

function Ways(props: Props) {
  const { login: t, ways } = useEntryText()
  const { project, staff = false, onLogin, second } = props
  const client = useQueryClient()
  const [pending, setPending] = useState<Schema<'PendingLogin'> | null>(null)
  const done = (session: Session) => {
    changePerson(client, session)
    onLogin(session)
  }
  const entered = (answer: Entered) => (isPending(answer) ? setPending(answer) : done(answer))
  const way = { entered, ...(project ? { project } : {}) }
  if (pending) return <section className="panel" data-testid="login-panel">{second(pending, done, () => setPending(null))}</section>
  return (
    <section className="panel" aria-labelledby="login-heading" data-testid="login-panel">
      <h2 className="title" id="login-heading">{staff ? t.staffHeading : t.heading}</h2>
      {staff ? <LoginForm {...way} staff /> : (
        <>
          <TabBar
            label={t.heading}
            items={[
              { key: 'password', label: ways.password, children: <LoginForm {...way} /> },
              { key: 'sms', label: ways.sms, children: <CodeLogin {...way} /> },
              { key: 'key', label: ways.key, children: <Suspense fallback={<Loading />}><KeyLoginForm {...way} /></Suspense> },
            ]}
          />
          <div className="row" style={{ justifyContent: 'space-between', marginTop: 12 }}>
            <Link to="/register" data-testid="login-register">{t.register}</Link>
            <Link to="/number" data-testid="login-number">{ways.findNumber}</Link>
            <Link to="/forgot" data-testid="login-forgot">{t.forgot}</Link>
          </div>
          <div className="row" style={{ justifyContent: 'space-between', marginTop: 8 }}>
            <Link to="/progress" data-testid="login-progress">{ways.progress}</Link>
            <Link to="/suspend" data-testid="login-suspend">{ways.suspend}</Link>
          </div>
        </>
      )}
    </section>
  )
}

interface Fields {
  login: string
  password: string
  captcha: string
}

function LoginForm({ project, staff = false, entered }: { project?: string; staff?: boolean; entered: (answer: Entered) => void }) {
  const { login: t } = useEntryText()
  const [form] = Form.useForm<Fields>()
  const [turn, setTurn] = useState(0)
  const [captchaId, setCaptchaId] = useState('')
  const [capsLock, setCapsLock] = useState(false)
  const another = useCallback(() => setTurn((n) => n + 1), [])
  const attempt = useMutation({
    ...login,
    onSuccess: entered,
    onError: () => {
      another() // the server has used the image up, right or wrong
      form.resetFields(['captcha'])
    },
  })
  const watchCaps = (event: KeyboardEvent) => setCapsLock(event.getModifierState('CapsLock'))
  const submit = (fields: Fields) =>
    attempt.mutate({ ...fields, login: fields.login.trim(), captcha: fields.captcha.trim(), captchaId, ...(project ? { project } : {}) })

  return (
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
      </div>
    </Form>
  )
}

function Already({ session, enter }: { session: Session; enter: (session: Session) => void }) {
  const { login: t } = useEntryText()
  return (
    <section className="panel stack" data-testid="login-already">
      <h2 className="title">{t.already(session.displayName || session.login)}</h2>
      <Button type="primary" size="large" onClick={() => enter(session)}>{t.enter}</Button>
      <LogoutButton />
    </section>
  )
}

export function LogoutButton({ to = '/' }: { to?: string }) {
  const { login: t } = useEntryText()
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
