import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button, Form, Input, Modal, Select } from 'antd'
import { useState } from 'react'
import { sessionQuery } from '@/api/session'
import type { Schema } from '@/api/client'
import { minute } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { Serving } from '../parts/Acting'
import { CompanyKeys } from '../parts/CompanyKeys'
import { SimulatedBanner } from '../parts/SupplementForm'
import { joinsQuery, members, membersQuery, type Colleague, type Join } from '../queries'
import { useText } from '../text'

/** 成员与接口密钥: who acts for the organisation, who is on the way in, and what its own software may call. */
export function MembersPage() {
  const { members: t } = useText()
  const session = useQuery(sessionQuery)
  const query = useQuery(membersQuery)
  const owner = session.data?.member === 'owner'
  return (
    <>
      <Title text={t.page} />
      <div className="stack">
        {!owner && <Alert type="info" showIcon title={t.ownerOnly} />}
        <Ready query={query}>{(list) => <List list={list} owner={owner} />}</Ready>
        {owner && <Invitations />}
        {owner && <CompanyKeys />}
        <Serving several={(session.data?.serves ?? 1) > 1} />
      </div>
    </>
  )
}

function useAct<Input>(mutationFn: (input: Input) => Promise<unknown>) {
  const client = useQueryClient()
  return useMutation({ mutationFn, onSettled: () => client.invalidateQueries({ queryKey: membersQuery.queryKey }) })
}

function List({ list, owner }: { list: Colleague[]; owner: boolean }) {
  const { members: t } = useText()
  const { modal } = App.useApp()
  const [transfer, setTransfer] = useState<Colleague | null>(null)
  const set = useAct(members.set)
  const remove = useAct(members.remove)
  return (
    <section className="panel stack" data-testid="member-list">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <Problem error={set.error ?? remove.error} testId="member-problem" />
      {list.map((m) => (
        <div key={m.id} className="row" style={{ justifyContent: 'space-between' }} data-testid={`member-${m.phoneMasked}`} data-member={m.member}>
          <span className="row">
            <strong>{m.name || '—'}</strong>
            <StateTag tone={m.member === 'owner' ? 'good' : 'quiet'} text={t.roles[m.member]} />
            {m.self && <span className="quiet">{t.self}</span>}
            <span className="quiet">{m.phoneMasked}</span>
          </span>
          {owner && m.member !== 'owner' && (
            <span className="row">
              <Button size="small" onClick={() => set.mutate({ id: m.id, member: m.member === 'reader' ? 'handler' : 'reader' })} aria-label={`${t.make(m.member === 'reader' ? 'handler' : 'reader')} ${m.name}`}>{t.make(m.member === 'reader' ? 'handler' : 'reader')}</Button>
              {m.member === 'handler' && <Button size="small" onClick={() => setTransfer(m)} aria-label={`${t.transfer} ${m.name}`}>{t.transfer}</Button>}
              <Button size="small" danger onClick={() => void modal.confirm({ title: t.remove, content: t.removeAsk(m.name), onOk: () => remove.mutateAsync(m.id) })} aria-label={`${t.remove} ${m.name}`}>{t.remove}</Button>
            </span>
          )}
        </div>
      ))}
      <Modal open={!!transfer} title={t.transfer} onCancel={() => setTransfer(null)} footer={null} destroyOnHidden>
        {transfer && <Transfer to={transfer} done={() => setTransfer(null)} />}
      </Modal>
    </section>
  )
}

function Transfer({ to, done }: { to: Colleague; done: () => void }) {
  const { members: t, supplement, forgot } = useText()
  const client = useQueryClient()
  const send = useMutation({ mutationFn: () => members.transferCode() })
  const hand = useMutation({
    mutationFn: members.transfer,
    onSuccess: () => {
      void client.invalidateQueries()
      done()
    },
  })
  return (
    <Form<{ code: string }> name="transfer" layout="vertical" onFinish={({ code }) => hand.mutate({ id: to.id, code: code.trim() })}>
      <p>{t.transferAsk(to.name)}</p>
      <Button onClick={() => send.mutate()} loading={send.isPending} data-testid="transfer-send">{supplement.send}</Button>
      <Problem error={send.error} testId="transfer-send-problem" />
      <Form.Item name="code" label={forgot.code} rules={[{ required: true }]} style={{ marginTop: 12 }}><Input inputMode="numeric" maxLength={6} data-testid="transfer-code" /></Form.Item>
      <Problem error={hand.error} testId="transfer-problem" />
      <Button type="primary" danger htmlType="submit" loading={hand.isPending} disabled={!send.data} data-testid="transfer-submit">{t.transfer}</Button>
    </Form>
  )
}

function Invitations() {
  const { members: t, supplement } = useText()
  const query = useQuery(joinsQuery)
  const [form] = Form.useForm<Schema<'InviteRequest'>>()
  const invite = useAct(members.invite)
  const decide = useAct(members.decide)
  return (
    <section className="panel stack">
      <h2 className="title" style={{ margin: 0 }}>{t.invite}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t.inviteWhat}</p>
      <Form form={form} name="invite" layout="vertical" initialValues={{ member: 'handler' }} onFinish={(fields) => invite.mutate(fields, { onSuccess: () => form.resetFields() })} style={{ maxWidth: 460 }}>
        <Form.Item name="name" label={t.name} rules={[{ required: true, whitespace: true }]}><Input maxLength={60} data-testid="invite-name" /></Form.Item>
        <Form.Item name="phone" label={t.phone} rules={[{ required: true }, { pattern: /^1[3-9]\d{9}$/, message: supplement.phoneBad }]}><Input inputMode="tel" maxLength={11} data-testid="invite-phone" /></Form.Item>
        <Form.Item name="member" label={t.role}><Select options={(['handler', 'reader'] as const).map((value) => ({ value, label: `${t.roles[value]} · ${t.may[value]}` }))} /></Form.Item>
        <div className="stack">
          <Problem error={invite.error} testId="invite-problem" />
          {invite.isSuccess && <Alert type="success" showIcon title={t.invited} data-testid="invite-done" />}
          <div><Button type="primary" htmlType="submit" loading={invite.isPending} data-testid="invite-submit">{t.invite}</Button></div>
        </div>
      </Form>
      {query.data?.some((j) => j.simulated) && <SimulatedBanner phone="" />}
      <Problem error={decide.error} testId="join-decide-problem" />
      <Ready query={query}>{(joins) => <>{joins.map((j) => <Waiting key={j.id} join={j} decide={(accept) => decide.mutate({ id: j.id, accept })} />)}</>}</Ready>
    </section>
  )
}

function Waiting({ join, decide }: { join: Join; decide: (accept: boolean) => void }) {
  const { members: t } = useText()
  return (
    <div className="row" style={{ justifyContent: 'space-between' }} data-testid={`join-${join.phoneMasked}`}>
      <span className="row"><strong>{join.name}</strong><StateTag tone="soon" text={join.kind === 'asked' ? t.askedIn : t.waiting} /><span className="quiet">{join.phoneMasked} · {t.roles[join.member]} · {t.until(minute(join.expiresAt))}</span></span>
      <span className="row">
        {join.kind === 'asked' && <Button size="small" type="primary" onClick={() => decide(true)} aria-label={`${t.letIn} ${join.name}`}>{t.letIn}</Button>}
        <Button size="small" danger onClick={() => decide(false)} aria-label={`${join.kind === 'asked' ? t.refuse : t.withdraw} ${join.name}`}>{join.kind === 'asked' ? t.refuse : t.withdraw}</Button>
      </span>
    </div>
  )
}
