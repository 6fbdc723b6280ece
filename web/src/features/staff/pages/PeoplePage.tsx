import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { has, sessionQuery } from '@/api/session'
import { useCommon } from '@/i18n/common'
import { minute } from '@/lib/time'
import { CopyText } from '@/ui/CopyText'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { ReasonDialog } from '../parts/ReasonDialog'
import { RoleFields } from '../parts/RoleFields'
import { Rows } from '@/ui/Rows'
import { StaffKeys } from '../parts/StaffKeys'
import { invitationsQuery, invite, requestGrant, resetFactors, setFrozen, staffQuery, withdraw } from '../queries'
import { useText } from '../text'

type Member = Schema<'StaffMember'>
type Doing = { what: 'freeze' | 'reset' | 'grant'; member: Member } | null

/** 人员: who works here. Security administrators act; the auditor looks. */
export function PeoplePage() {
  const { people: t } = useText()
  const session = useQuery(sessionQuery)
  const mayAct = !!session.data && has(session.data, 'security')
  const query = useQuery(staffQuery)
  const [doing, setDoing] = useState<Doing>(null)
  return (
    <div className="stack">
      <Title text={t.page} />
      <section className="panel" data-testid="people"><Ready query={query}>{({ items }) => <People rows={items} act={mayAct ? setDoing : null} />}</Ready></section>
      <StaffKeys own={false} />
      {mayAct && <Invite />}
      <Invitations mayAct={mayAct} />
      {doing?.what === 'freeze' && <Freeze member={doing.member} close={() => setDoing(null)} />}
      {doing?.what === 'reset' && <Reset member={doing.member} close={() => setDoing(null)} />}
      {doing?.what === 'grant' && <RequestGrant member={doing.member} close={() => setDoing(null)} />}
    </div>
  )
}

function People({ rows, act }: { rows: Member[]; act: ((doing: Doing) => void) | null }) {
  const { people: t, roles } = useText()
  const { list } = useCommon().punctuation
  const c = t.columns
  return (
    <Rows
      label={t.page}
      rows={rows}
      rowKey={(m) => m.id}
      empty="—"
      columns={[
        { key: 'login', title: c.login, cell: (m) => <span className="mono">{m.login}</span> },
        { key: 'name', title: c.name, cell: (m) => m.name },
        { key: 'roles', title: c.roles, cell: (m) => list(...m.roles.map((role) => roles[role])) || roles.staff },
        { key: 'state', title: c.state, cell: (m) => <StateTag tone={m.state === 'frozen' ? 'bad' : 'good'} text={t.states[m.state]} /> },
        { key: 'factors', title: c.factors, cell: (m) => (m.factors > 0 ? t.set(m.factors) : t.noFactor) },
        { key: 'seen', title: c.seen, cell: (m) => minute(m.seenAt) },
        ...(act ? [{
          key: 'action',
          title: c.action,
          cell: (member: Member) => (
            <span className="row">
              <Button size="small" onClick={() => act({ what: 'grant', member })} data-testid={`grant-${member.login}`}>{t.grant}</Button>
              <Button size="small" onClick={() => act({ what: 'reset', member })}>{t.reset}</Button>
              <Button size="small" danger={member.state !== 'frozen'} onClick={() => act({ what: 'freeze', member })}>{member.state === 'frozen' ? t.unfreeze : t.freeze}</Button>
            </span>
          ),
        }] : []),
      ]}
    />
  )
}

function Freeze({ member, close }: { member: Member; close: () => void }) {
  const { people: t } = useText()
  const frozen = member.state !== 'frozen'
  const change = useMutation({ ...setFrozen, onSuccess: close })
  return <ReasonDialog title={`${frozen ? t.freeze : t.unfreeze} ${member.login}`} busy={change.isPending} error={change.error} close={close} submit={(reason) => change.mutate({ id: member.id, frozen, reason })} />
}

function Reset({ member, close }: { member: Member; close: () => void }) {
  const { people: t } = useText()
  const reset = useMutation({ ...resetFactors, onSuccess: close })
  return (
    <Modal open title={t.reset} okText={t.confirm} cancelText={t.cancel} onOk={() => reset.mutate(member.id)} onCancel={close} confirmLoading={reset.isPending}>
      <p>{t.resetAsk(member.login)}</p>
      <Problem error={reset.error} testId="reset-problem" />
    </Modal>
  )
}

function RequestGrant({ member, close }: { member: Member; close: () => void }) {
  const { people, grants: t } = useText()
  const [form] = Form.useForm<Schema<'RequestGrantRequest'>>()
  const ask = useMutation({ ...requestGrant, onSuccess: close })
  return (
    <Modal open title={t.requestFor(member.login)} okText={t.submit} cancelText={people.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={ask.isPending} okButtonProps={{ 'data-testid': 'grant-submit' }}>
      <Form form={form} name="grant" layout="vertical" onFinish={(fields) => ask.mutate({ ...fields, accountId: member.id, months: 12 })}>
        <RoleFields label={t.role} required />
        <Form.Item name="reason" label={t.reason} rules={[{ required: true, whitespace: true }]}><Input maxLength={200} data-testid="grant-reason" /></Form.Item>
      </Form>
      <Problem error={ask.error} testId="grant-problem" />
    </Modal>
  )
}

function Invite() {
  const { invite: t } = useText()
  const [form] = Form.useForm<Schema<'InviteStaffRequest'>>()
  const make = useMutation({ ...invite, onSuccess: () => form.resetFields() })
  return (
    <section className="panel stack">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <Form form={form} name="invite" layout="vertical" onFinish={(fields) => make.mutate(fields)} style={{ maxWidth: 460 }}>
        <Form.Item name="login" label={t.login} extra={t.loginHint} rules={[{ required: true, pattern: /^[a-z][a-z0-9._-]{1,31}$/ }]}><Input maxLength={32} data-testid="invite-login" /></Form.Item>
        <Form.Item name="name" label={t.name} rules={[{ required: true, whitespace: true }]}><Input maxLength={50} data-testid="invite-name" /></Form.Item>
        <RoleFields label={t.role} required={false} />
        <Problem error={make.error} testId="invite-problem" />
        <Button type="primary" htmlType="submit" loading={make.isPending} data-testid="invite-submit">{t.submit}</Button>
      </Form>
      {make.data && <Alert type="success" showIcon title={t.once} description={<CopyText text={make.data.url} testId="invite-url" />} />}
    </section>
  )
}

function Invitations({ mayAct }: { mayAct: boolean }) {
  const { invite: t } = useText()
  const query = useQuery(invitationsQuery)
  const end = useMutation(withdraw)
  return (
    <section className="panel stack">
      <h2 className="title" style={{ margin: 0 }}>{t.list}</h2>
      <Problem error={end.error} testId="withdraw-problem" />
      <Ready query={query}>
        {({ items }) => (items.length === 0 ? <p className="quiet">{t.none}</p> : (
          <ul className="cards">
            {items.map((i) => (
              <li key={i.id} className="row">
                <span className="mono">{i.login}</span> {i.name}
                <StateTag tone={i.state === 'open' ? 'soon' : i.state === 'used' ? 'good' : 'quiet'} text={t.states[i.state]} />
                <span className="quiet">{t.by(i.invitedBy, minute(i.expiresAt))}</span>
                {mayAct && i.state === 'open' && <Button size="small" onClick={() => end.mutate(i.id)}>{t.withdraw}</Button>}
              </li>
            ))}
          </ul>
        ))}
      </Ready>
    </section>
  )
}
