import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Result } from 'antd'
import { useEffect, useState } from 'react'
import { api, body, type Schema } from '@/api/client'
import { codeOf } from '@/api/refusal'
import { browserName } from '@/lib/browser'
import { moment } from '@/lib/time'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { keepPhoneKey, newPair, phoneKeys, publicKey, sign, type PhoneKey } from '../phonekey'
import { useText } from '../text'

/** The page on the phone: binds it, and confirms logins. The code stands behind #, which is never sent by itself. */
export function PhonePage() {
  const { phone: t } = useText()
  const [hash] = useState(() => location.hash.slice(1))
  useEffect(() => {
    const link = Object.assign(document.createElement('link'), { rel: 'manifest', href: '/phone.webmanifest' })
    document.head.append(link)
    history.replaceState(null, '', location.pathname) // a used code does not stay in the history
    return () => link.remove()
  }, [])
  const [act, secret] = hash.split('=')
  return (
    <main id="main" className="page page-narrow" style={{ maxWidth: 460 }}>
      <Title text={t.system} />
      {!('subtle' in crypto) ? <Alert type="error" showIcon title={t.unsupported} />
        : act === 'enrol' && secret ? <Bind secret={secret} />
        : act === 'login' && secret ? <Confirm secret={secret} />
        : <Alert type="info" showIcon title={t.idle} data-testid="phone-idle" />}
    </main>
  )
}

function Bind({ secret }: { secret: string }) {
  const { phone: t } = useText()
  const bind = useMutation({
    mutationKey: ['phone', 'enrol'],
    mutationFn: async (name: string) => {
      const key = await newPair()
      const made = await body(api.POST('/phone/enrol', { body: { secret, name, spki: await publicKey(key), signature: await sign(key, 'enrol', secret) } }))
      await keepPhoneKey({ factorId: made.factorId, login: made.login, key })
      return made
    },
  })
  if (bind.data) return <Result status="success" title={t.bindDone(bind.data.login, bind.data.mark)} data-testid="phone-bound" />
  return (
    <section className="panel stack">
      <h2 className="title" style={{ margin: 0 }}>{t.bindTitle}</h2>
      <p style={{ margin: 0 }}>{t.bindText}</p>
      <Form<{ name: string }> name="bind" layout="vertical" initialValues={{ name: /iPhone|iPad|Android/.exec(navigator.userAgent)?.[0] ?? 'Phone' }} onFinish={({ name }) => bind.mutate(name.trim())}>
        <Form.Item name="name" label={t.name} rules={[{ required: true, whitespace: true }]}><Input maxLength={40} data-testid="phone-name" /></Form.Item>
        <Problem error={bind.error} testId="phone-problem" />
        <Button type="primary" size="large" block htmlType="submit" loading={bind.isPending} data-testid="phone-bind">{t.bind}</Button>
      </Form>
    </section>
  )
}

interface Found {
  key: PhoneKey
  login: Schema<'ScannedLogin'>
}

/** 二维码登录: the phone that is bound to the account says who, what, where from and when, and decides. Source: S000-28. */
function Confirm({ secret }: { secret: string }) {
  const { phone: t } = useText()
  const scan = useMutation({ mutationKey: ['phone', 'scan'], mutationFn: () => scanWith(secret) })
  const decide = useMutation({
    mutationKey: ['phone', 'decide'],
    mutationFn: async ({ found, confirm }: { found: Found; confirm: boolean }) => {
      await body(api.POST('/phone/scans/decision', { body: { secret, factorId: found.key.factorId, confirm, signature: await sign(found.key.key, confirm ? 'login' : 'cancel', secret) } }))
      return confirm
    },
  })
  const begin = scan.mutate
  useEffect(() => begin(), [begin])
  if (decide.isSuccess) return <Result status={decide.data ? 'success' : 'info'} title={decide.data ? t.loggedIn : t.cancelled} data-testid="phone-decided" />
  if (scan.data === null) return <Alert type="warning" showIcon title={t.unbound} data-testid="phone-unbound" />
  const found = scan.data
  if (!found) return <Problem error={scan.error} testId="phone-problem" />
  return (
    <section className="panel stack" data-testid="phone-confirm">
      <div style={{ textAlign: 'center' }}>
        <h2 className="title" style={{ margin: 0 }}>{t.title}</h2>
        <p className="quiet" style={{ margin: 0 }}>{t.subtitle}</p>
      </div>
      <Facts
        facts={[
          { key: 'account', label: t.account, value: found.login.login },
          { key: 'device', label: t.device, value: <span className="wrap" title={found.login.userAgent}>{browserName(found.login.userAgent) || found.login.userAgent}</span> },
          { key: 'place', label: t.place, value: <>{found.login.address} <span className="quiet">{t.placeNote}</span></> },
          { key: 'time', label: t.time, value: moment(found.login.at) },
        ]}
      />
      <Alert type="warning" showIcon title={t.warn} />
      <Problem error={decide.error} testId="phone-problem" />
      <Button type="primary" size="large" block loading={decide.isPending} onClick={() => decide.mutate({ found, confirm: true })} data-testid="phone-login">{t.login}</Button>
      <Button size="large" block onClick={() => decide.mutate({ found, confirm: false })} data-testid="phone-cancel">{t.cancel}</Button>
    </section>
  )
}

/** Tries the keys of this phone; null when none of them is the account's. */
async function scanWith(secret: string): Promise<Found | null> {
  for (const key of await phoneKeys()) {
    try {
      return { key, login: await body(api.POST('/phone/scans', { body: { secret, factorId: key.factorId, signature: await sign(key.key, 'scan', secret) } })) }
    } catch (error) {
      if (codeOf(error) !== 'phone_unknown') throw error
    }
  }
  return null
}
