import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, App, Button, Checkbox, Empty, Form, Input, Pagination } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import { moment } from '@/lib/time'
import { CopyText } from '@/ui/CopyText'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { addWebhook, deliveriesQuery, redeliver, removeWebhook, setWebhook, testWebhook, webhooksQuery, type Delivery, type Kind, type Webhook } from '../queries'
import { useText } from '../text'
import './notices.css'

interface Fields {
  url: string
  kinds: Kind[]
}

const all: Kind[] = ['expiry', 'application', 'order', 'shipment', 'recovery', 'organisation', 'security']
const tones: Record<Webhook['state'] | Delivery['state'], Tone> = { active: 'good', paused: 'quiet', stopped: 'bad', waiting: 'busy', delivered: 'good', failed: 'bad' }

/** 消息推送: addresses of the organisation's own systems. */
export function WebhooksPage() {
  const { hooks: t, ...text } = useText()
  const query = useQuery(webhooksQuery)
  const add = useMutation(addWebhook)
  const [form] = Form.useForm<Fields>()
  return (
    <>
      <Title text={text.webhooks} extra={<Link to="/account/notices">{text.back}</Link>} />
      <p>{t.lead}</p>
      <section className="panel stack">
        {add.data && <Alert type="success" showIcon title={t.secret} description={<CopyText text={add.data.secret} testId="webhook-secret" />} />}
        <Form<Fields> form={form} name="webhook" layout="vertical" initialValues={{ kinds: all }} onFinish={(fields) => add.mutate(fields, { onSuccess: () => form.resetFields() })}>
          <Form.Item name="url" label={t.url} extra={t.urlHint} rules={[{ required: true, pattern: /^https?:\/\/\S+$/, message: t.urlWrong }]}>
            <Input maxLength={500} inputMode="url" autoComplete="off" placeholder="https://erp.example.com/signet" data-testid="webhook-url" />
          </Form.Item>
          <Form.Item name="kinds" label={t.kinds} rules={[{ type: 'array', min: 1, message: t.kindsWrong }]}>
            <Checkbox.Group options={all.map((value) => ({ value, label: text.kinds[value] }))} />
          </Form.Item>
          <div className="stack">
            <Problem error={add.error} testId="webhook-problem" />
            <div><Button type="primary" htmlType="submit" loading={add.isPending} data-testid="webhook-add">{t.add}</Button></div>
          </div>
        </Form>
      </section>
      <Ready query={query}>
        {(list) => (list.length === 0 ? <Empty description={t.empty} data-testid="webhooks-empty" /> : <ul className="hooks" data-testid="webhooks">{list.map((w) => <Hook key={w.id} hook={w} />)}</ul>)}
      </Ready>
    </>
  )
}

function Hook({ hook }: { hook: Webhook }) {
  const { hooks: t, kinds } = useText()
  const { modal } = App.useApp()
  const [open, setOpen] = useState(false)
  const set = useMutation(setWebhook)
  const test = useMutation(testWebhook)
  const remove = useMutation(removeWebhook)
  const active = hook.state === 'active'
  return (
    <li className="hook stack">
      <div className="notice-head">
        <strong className="wrap">{hook.url}</strong>
        <StateTag tone={tones[hook.state]} text={t.state[hook.state]} />
      </div>
      <div className="quiet">{hook.kinds.map((k) => kinds[k]).join(' · ')}</div>
      <div className="row">
        <Button size="small" disabled={!active} loading={test.isPending} onClick={() => test.mutate(hook.id, { onSuccess: () => setOpen(true) })} data-testid="webhook-test">{t.test}</Button>
        <Button size="small" loading={set.isPending} onClick={() => set.mutate({ ...hook, active: !active })} data-testid="webhook-switch">{active ? t.pause : t.start}</Button>
        <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)} data-testid="webhook-log">{open ? t.hide : t.log}</Button>
        <Button size="small" danger onClick={() => void modal.confirm({ title: t.remove, content: t.removeAsk(hook.url), okText: t.remove, onOk: () => remove.mutateAsync(hook.id).catch(() => undefined) })} data-testid="webhook-remove">{t.remove}</Button>
      </div>
      <Problem error={set.error ?? test.error ?? remove.error} testId="webhook-act-problem" />
      {open && <Log hook={hook} />}
    </li>
  )
}

function Log({ hook }: { hook: Webhook }) {
  const { hooks: t } = useText()
  const [page, setPage] = useState(1)
  const query = useQuery(deliveriesQuery(hook.id, page))
  return (
    <Ready query={query}>
      {(list) => (
        <div className="stack">
          <ul className="hooks" data-testid="webhook-deliveries">{list.items.map((d) => <Sent key={d.id} delivery={d} active={hook.state === 'active'} />)}</ul>
          <div className="row">
            <Pagination simple current={list.page.page} pageSize={5} total={list.page.total} onChange={setPage} hideOnSinglePage showSizeChanger={false} />
            <Button size="small" onClick={() => void query.refetch()}>{t.refresh}</Button>
          </div>
        </div>
      )}
    </Ready>
  )
}

function Sent({ delivery, active }: { delivery: Delivery; active: boolean }) {
  const { hooks: t } = useText()
  const again = useMutation(redeliver)
  return (
    <li className="hook">
      <div className="notice-head">
        <time dateTime={delivery.createdAt}>{moment(delivery.createdAt)}</time>
        <span className="mono">{delivery.event}</span>
        <StateTag tone={tones[delivery.state]} text={t.delivery[delivery.state]} />
        <span className="quiet">{t.attempts} {delivery.attempts}{delivery.status ? ` · HTTP ${String(delivery.status)}` : ''}{delivery.error ? ` · ${delivery.error}` : ''}</span>
        {delivery.state !== 'waiting' && active && <Button size="small" type="link" loading={again.isPending} onClick={() => again.mutate(delivery.id)} data-testid="webhook-again">{t.again}</Button>}
      </div>
      <details><summary>{t.body}</summary><pre className="notices-body" tabIndex={0}>{delivery.body}</pre></details>
      <Problem error={again.error} testId="webhook-again-problem" />
    </li>
  )
}
