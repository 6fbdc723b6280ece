import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Modal } from 'antd'
import { useState, type ReactNode } from 'react'
import type { Schema } from '@/api/client'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { StateTag } from '@/ui/StateTag'
import { changePhone, profileQuery, sendEmailLink, sendPhoneCodes, sessionsQuery, setDisplayName } from '../queries'
import { useText } from '../text'
import { SimulatedBanner } from './SupplementForm'

type Profile = Schema<'Profile'>
type Open = '' | 'phone' | 'email' | 'name'

/** 信用认证: phone, mail, identity, and what one is called. Source: S001-06…09. */
export function Credit({ profile }: { profile: Profile }) {
  const { credit: t } = useText()
  const [open, setOpen] = useState<Open>('')
  const close = () => setOpen('')
  const verified = profile.organisation.status === 'verified'
  return (
    <section className="panel stack" data-testid="credit">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <Item label={t.phone} value={profile.phoneMasked ?? '—'} done={!!profile.phoneMasked} id="phone" action={<Button size="small" onClick={() => setOpen('phone')} data-testid="credit-phone">{t.change}</Button>} />
      <Item
        label={t.email}
        value={profile.email ?? (profile.emailWaiting ? t.waiting(profile.emailWaiting) : t.none)}
        done={!!profile.email}
        id="email"
        action={<Button size="small" onClick={() => setOpen('email')} data-testid="credit-email">{profile.email ? t.change : t.verifyNow}</Button>}
      />
      <Item label={t.identity} value={verified ? t.identityDone : t.identityOpen} done={verified} id="identity" action={null} />
      <Item label={t.name} value={profile.displayName ?? '—'} id="name" action={<Button size="small" onClick={() => setOpen('name')} data-testid="credit-name">{t.change}</Button>} />
      <Modal open={open === 'phone'} title={t.changePhone} onCancel={close} footer={null} destroyOnHidden><PhoneForm done={close} /></Modal>
      <Modal open={open === 'email'} title={t.email} onCancel={close} footer={null} destroyOnHidden><EmailForm /></Modal>
      <Modal open={open === 'name'} title={t.name} onCancel={close} footer={null} destroyOnHidden><NameForm name={profile.displayName ?? ''} done={close} /></Modal>
    </section>
  )
}

function Item({ label, value, done, id, action }: { label: string; value: string; done?: boolean; id: string; action: ReactNode }) {
  const { credit: t } = useText()
  return (
    <div className="row" style={{ justifyContent: 'space-between' }} data-testid={`credit-item-${id}`} data-done={done}>
      <span className="row"><strong>{label}</strong>{done !== undefined && <StateTag tone={done ? 'good' : 'soon'} text={done ? t.passed : t.open} />}<span className="wrap">{value}</span></span>
      {action}
    </div>
  )
}

function PhoneForm({ done }: { done: () => void }) {
  const { credit: t, supplement } = useText()
  const client = useQueryClient()
  const [form] = Form.useForm<Schema<'ChangePhoneRequest'>>()
  const send = useMutation(sendPhoneCodes)
  const change = useMutation({
    ...changePhone,
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: profileQuery.queryKey })
      void client.invalidateQueries({ queryKey: sessionsQuery.queryKey })
      done()
    },
  })
  return (
    <Form form={form} name="phone-change" layout="vertical" onFinish={(fields) => change.mutate(fields)}>
      <p className="quiet">{t.phoneHow} <LinkButton type="link" size="small" to="/account/apply">{t.phoneLost}</LinkButton></p>
      <Form.Item name="phone" label={t.newPhone} rules={[{ required: true }, { pattern: /^1[3-9]\d{9}$/, message: supplement.phoneBad }]}>
        <Input inputMode="tel" maxLength={11} data-testid="phone-new" />
      </Form.Item>
      <Button onClick={() => void form.validateFields(['phone']).then(({ phone }) => send.mutate(phone), () => undefined)} loading={send.isPending} data-testid="phone-send">{supplement.send}</Button>
      <Problem error={send.error} testId="phone-send-problem" />
      {send.data && (
        <div className="stack" style={{ marginTop: 12 }}>
          {send.data.simulated && <SimulatedBanner phone={String(form.getFieldValue('phone'))} />}
          <Form.Item name="oldCode" label={t.oldCode} rules={[{ required: true }]}><Input inputMode="numeric" maxLength={6} data-testid="phone-old-code" /></Form.Item>
          <Form.Item name="code" label={t.newCode} rules={[{ required: true }]}><Input inputMode="numeric" maxLength={6} autoComplete="one-time-code" data-testid="phone-code" /></Form.Item>
          <Problem error={change.error} testId="phone-problem" />
          <Button type="primary" htmlType="submit" loading={change.isPending} data-testid="phone-submit">{t.changePhone}</Button>
        </div>
      )}
    </Form>
  )
}

function EmailForm() {
  const { credit: t } = useText()
  const client = useQueryClient()
  const send = useMutation({ ...sendEmailLink, onSuccess: () => client.invalidateQueries({ queryKey: profileQuery.queryKey }) })
  return (
    <Form<{ email: string }> name="email" layout="vertical" onFinish={({ email }) => send.mutate(email.trim())}>
      <Form.Item name="email" label={t.email} rules={[{ required: true }]}><Input type="email" autoComplete="email" maxLength={100} data-testid="email-address" /></Form.Item>
      <div className="stack">
        {send.data && <Alert type="success" showIcon title={t.emailSent} data-testid="email-sent" />}
        {send.data?.simulated && <Alert type="warning" showIcon title={t.emailSimulated} />}
        <Problem error={send.error} testId="email-send-problem" />
        <Button type="primary" htmlType="submit" loading={send.isPending} data-testid="email-send">{t.emailSend}</Button>
      </div>
    </Form>
  )
}

function NameForm({ name, done }: { name: string; done: () => void }) {
  const { credit: t } = useText()
  const client = useQueryClient()
  const save = useMutation({
    ...setDisplayName,
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: profileQuery.queryKey })
      void client.invalidateQueries({ queryKey: ['session'] })
      done()
    },
  })
  return (
    <Form<{ name: string }> name="display-name" layout="vertical" initialValues={{ name }} onFinish={(fields) => save.mutate(fields.name.trim())}>
      <Form.Item name="name" label={t.name} extra={t.nameHint} rules={[{ required: true, whitespace: true }]}><Input maxLength={40} data-testid="name-input" /></Form.Item>
      <div className="stack">
        <Problem error={save.error} testId="name-problem" />
        <Button type="primary" htmlType="submit" loading={save.isPending} data-testid="name-submit">{t.save}</Button>
      </div>
    </Form>
  )
}
