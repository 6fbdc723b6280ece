import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Result, Select, Tabs } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { codeOf } from '@/api/refusal'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { AgreementCheck } from '../parts/AgreementCheck'
import { AskCode } from '../parts/AskCode'
import { NewPassword } from '../parts/NewPassword'
import { SentCode } from '../parts/SentCode'
import { askCode, register, type CodeSent } from '../queries'
import { useText } from '../text'

type Kind = 'legal' | 'person'
type Sent = { phone: string; code: CodeSent }

/** 用户注册: the handler's phone first, then who registers. Source: S000-08…15, S001-04…14. */
export function RegisterPage() {
  const { register: t } = useText()
  const [kind, setKind] = useState<Kind>('legal')
  const [sent, setSent] = useState<Sent | null>(null)
  const [done, setDone] = useState<Schema<'Registered'> | null>(null)
  return (
    <div className="page page-narrow" style={{ maxWidth: 620 }}>
      <Title text={t.page} extra={<LinkButton to="/login">{t.toLogin}</LinkButton>} />
      {done ? (
        <Result
          status={done.asked ? 'info' : 'success'}
          title={<span data-testid="register-done">{done.asked ? t.asked : t.done}</span>}
          subTitle={done.asked ? t.askedText : t.doneText(done.login)}
          extra={<LinkButton type="primary" to="/login" data-testid="register-login">{t.toLogin}</LinkButton>}
        />
      ) : (
        <section className="panel stack">
          <Tabs
            activeKey={kind}
            onChange={(key) => setKind(key === 'person' ? 'person' : 'legal')}
            items={[{ key: 'person', label: t.person }, { key: 'legal', label: t.legal }]}
          />
          {sent ? <Fields key={kind} kind={kind} sent={sent} again={() => setSent(null)} done={setDone} /> : <><p className="quiet" style={{ margin: 0 }}>{t.phoneFirst}</p><AskCode ask={askCode.register} sent={setSent} testId="register" /></>}
        </section>
      )}
    </div>
  )
}

interface FieldsProps {
  kind: Kind
  sent: Sent
  again: () => void
  done: (answer: Schema<'Registered'>) => void
}

type Values = Omit<Schema<'RegistrationRequest'>, 'phone' | 'join'>

function Fields({ kind, sent, again, done }: FieldsProps) {
  const { register: t } = useText()
  const [form] = Form.useForm<Values>()
  const attempt = useMutation({ ...register, onSuccess: done })
  const send = (values: Values, join = false) =>
    attempt.mutate({ ...values, code: values.code.trim(), phone: sent.phone, nature: kind === 'person' ? 'person' : values.nature, join })
  const legal = kind === 'legal'
  return (
    <Form<Values> form={form} name="registration" layout="vertical" initialValues={{ nature: 'enterprise' }} onFinish={(values) => send(values)} scrollToFirstError>
      <SentCode sent={sent} again={again} testId="register" />
      {legal && (
        <Form.Item name="nature" label={t.nature} rules={[{ required: true }]}>
          <Select options={Object.entries(t.natures).map(([value, label]) => ({ value, label }))} data-testid="register-nature" />
        </Form.Item>
      )}
      <Form.Item name="name" label={legal ? t.name : t.personName} extra={legal ? t.nameHint : null} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={100} autoComplete={legal ? 'organization' : 'name'} data-testid="register-name" />
      </Form.Item>
      <Form.Item name="number" label={legal ? t.number : t.personNumber} extra={legal ? t.numberHint : t.sealed} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={40} autoComplete="off" data-testid="register-number" />
      </Form.Item>
      {legal && (
        <>
          <Form.Item name="legalName" label={t.legalName} rules={[{ required: true, whitespace: true }]}>
            <Input maxLength={100} autoComplete="off" data-testid="register-legal-name" />
          </Form.Item>
          <Form.Item name="legalNumber" label={t.legalNumber} extra={t.sealed} rules={[{ required: true, whitespace: true }]}>
            <Input maxLength={40} autoComplete="off" data-testid="register-legal-number" />
          </Form.Item>
          <Form.Item name="handlerName" label={t.handlerName} rules={[{ required: true, whitespace: true }]}>
            <Input maxLength={100} autoComplete="name" data-testid="register-handler" />
          </Form.Item>
        </>
      )}
      <NewPassword testId="register" />
      <AgreementCheck testId="register" />
      <div className="stack" style={{ marginTop: 16 }}>
        <Problem error={attempt.error} testId="register-problem" />
        {codeOf(attempt.error) === 'organisation_known' && (
          <Alert
            type="info"
            showIcon
            title={t.knownHow}
            action={
              <span className="row">
                {legal && <Button size="small" type="primary" onClick={() => send(form.getFieldsValue(), true)} data-testid="register-join">{t.join}</Button>}
                <LinkButton size="small" to="/number">{t.findNumber}</LinkButton>
              </span>
            }
          />
        )}
        <Button type="primary" htmlType="submit" size="large" block loading={attempt.isPending} data-testid="register-submit">{t.submit}</Button>
      </div>
    </Form>
  )
}
