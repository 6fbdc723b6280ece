import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button, Form, Input, Select } from 'antd'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { minute } from '@/lib/time'
import { CopyText } from '@/ui/CopyText'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { companyKeys, companyKeysQuery, type CompanyKey } from '../queries'
import { useText } from '../text'

interface Fields {
  name: string
  scopes: Schema<'KeyScope'>[]
  days: number
}

/** 接口密钥: what the organisation's own software calls the same API with. */
export function CompanyKeys() {
  const { keys: t } = useText()
  const client = useQueryClient()
  const again = () => client.invalidateQueries({ queryKey: companyKeysQuery.queryKey })
  const query = useQuery(companyKeysQuery)
  const create = useMutation({ mutationFn: companyKeys.create, onSuccess: again })
  const submit = ({ name, scopes, days }: Fields) => create.mutate({ name, scopes, expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() })
  return (
    <section className="panel stack" data-testid="company-keys">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
      {create.data && (
        <Alert type="success" showIcon title={t.once} description={<CopyText text={create.data.secret} />} data-testid="key-secret" data-secret={create.data.secret} />
      )}
      <Form<Fields> name="company-key" layout="vertical" initialValues={{ scopes: ['read'], days: 90 }} onFinish={submit} style={{ maxWidth: 460 }}>
        <Form.Item name="name" label={t.name} rules={[{ required: true, whitespace: true }]}><Input maxLength={60} data-testid="key-name" /></Form.Item>
        <Form.Item name="scopes" label={t.scopes} rules={[{ required: true }]}><Select mode="multiple" options={(['read', 'applications', 'orders', 'tokens', 'members', 'webhooks'] as const).map((value) => ({ value, label: t.scope[value] }))} /></Form.Item>
        <Form.Item name="days" label={t.life}><Select options={[30, 90, 180, 365].map((value) => ({ value, label: t.days(value) }))} /></Form.Item>
        <div className="stack">
          <Problem error={create.error} testId="key-problem" />
          <div><Button type="primary" htmlType="submit" loading={create.isPending} data-testid="key-create">{t.create}</Button></div>
        </div>
      </Form>
      <Ready query={query}>{(list) => <>{list.map((key) => <Row key={key.id} item={key} again={again} />)}</>}</Ready>
    </section>
  )
}

function Row({ item, again }: { item: CompanyKey; again: () => Promise<void> }) {
  const { keys: t } = useText()
  const { punctuation } = useCommon()
  const { modal } = App.useApp()
  const revoke = useMutation({ mutationFn: companyKeys.revoke, onSettled: again })
  const over = !!item.endedAt || new Date(item.expiresAt).getTime() < Date.now()
  return (
    <div className="row" style={{ justifyContent: 'space-between' }} data-testid={`key-${item.name}`}>
      <span className="row">
        <strong>{item.name}</strong>
        <StateTag tone={over ? 'bad' : 'good'} text={over ? t.over : t.valid} />
        <span className="quiet wrap">{punctuation.list(...item.scopes.map((s) => t.scope[s]))} · {t.until(minute(item.endedAt ?? item.expiresAt))} · {t.perMinute(item.perMinute)}</span>
      </span>
      {!over && <Button size="small" danger onClick={() => void modal.confirm({ title: t.revoke, content: t.revokeAsk(item.name), onOk: () => revoke.mutateAsync(item.id) })} aria-label={`${t.revoke} ${item.name}`}>{t.revoke}</Button>}
      <Problem error={revoke.error} testId="key-revoke-problem" />
    </div>
  )
}
