import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Modal, Select } from 'antd'
import { useEffect, useState } from 'react'
import { hearTabs, staleQuery, type Session } from '@/api/session'
import type { Schema } from '@/api/client'
import { codeOf } from '@/api/refusal'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { served, servedQuery } from '../queries'
import { useText } from '../text'

/** In the top bar of who serves several organisations: in whose name everything is done, and another one to act for. */
export function Acting({ session }: { session: Session }) {
  const { serving: t } = useText()
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button className="acting" onClick={() => setOpen(true)} aria-haspopup="dialog" data-testid="acting">
        <span className="quiet">{t.acting}</span> <strong>{session.organisationName}</strong> <span aria-hidden>▾</span>
      </Button>
      <Modal open={open} title={t.change} onCancel={() => setOpen(false)} footer={null} destroyOnHidden>
        <p className="quiet">{t.changeWhat}</p>
        <Served />
      </Modal>
    </>
  )
}

/** The organisations that the account serves. */
function Served() {
  const { serving: t, members } = useText()
  const query = useQuery(servedQuery)
  const act = useMutation({ mutationFn: served.act })
  return (
    <div className="stack">
      <Problem error={act.error} testId="acting-problem" />
      <Ready query={query}>
        {(list) => (
          <ul className="cards" data-testid="served">
            {list.map((one) => (
              <li key={one.organisationId} className="row" style={{ justifyContent: 'space-between' }} data-testid={`served-${one.name}`}>
                <span className="row">
                  <strong className="wrap">{one.name}</strong>
                  <StateTag tone={one.member === 'owner' ? 'good' : 'quiet'} text={members.roles[one.member]} />
                  {one.state === 'unverified' && <StateTag tone="soon" text={t.unverified} />}
                </span>
                {one.acting ? (
                  <span className="quiet">{t.now}</span>
                ) : (
                  <Button type="primary" onClick={() => act.mutate(one.organisationId)} loading={act.isPending && act.variables === one.organisationId} aria-label={`${t.change} ${one.name}`}>{t.change}</Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Ready>
    </div>
  )
}

/** The session acts for another organisation than this page shows: there is nothing to do on it but to load it again. */
export function StalePage() {
  const { serving: t } = useText()
  const client = useQueryClient()
  const { data: stale } = useQuery(staleQuery)
  useEffect(() => hearTabs(client), [client])
  return (
    <Modal open={stale === true} title={t.stale} closable={false} mask={{ closable: false }} keyboard={false} footer={<Button type="primary" autoFocus onClick={() => location.assign('/account/home')} data-testid="stale-reload">{t.reload}</Button>}>
      <p data-testid="stale">{t.staleWhat}</p>
    </Modal>
  )
}

/** For which organisations one acts, and how to come to act for one more. */
export function Serving({ several }: { several: boolean }) {
  const { serving: t, register } = useText()
  const [form] = Form.useForm<Schema<'AskToJoinRequest'>>()
  const ask = useMutation({ mutationFn: served.ask, onSuccess: () => form.resetFields() })
  return (
    <section className="panel stack" data-testid="serving">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      {several && <Served />}
      <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
      <Form form={form} name="ask" layout="vertical" initialValues={{ nature: 'enterprise' }} onFinish={(fields) => ask.mutate({ ...fields, number: fields.number.trim() })} style={{ maxWidth: 460 }}>
        <Form.Item name="nature" label={register.nature} rules={[{ required: true }]}>
          <Select options={Object.entries(register.natures).map(([value, label]) => ({ value, label }))} />
        </Form.Item>
        <Form.Item name="number" label={t.number} rules={[{ required: true, whitespace: true }]}><Input maxLength={40} data-testid="ask-number" /></Form.Item>
        <div className="stack">
          {codeOf(ask.error) === 'not_found' ? <Alert type="error" showIcon role="alert" title={t.none} data-testid="ask-problem" /> : <Problem error={ask.error} testId="ask-problem" />}
          {ask.isSuccess && <Alert type="success" showIcon title={t.asked} data-testid="ask-done" />}
          <div><Button htmlType="submit" loading={ask.isPending} data-testid="ask-submit">{t.ask}</Button></div>
        </div>
      </Form>
    </section>
  )
}
