import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Form, Input, Modal, Select } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { minute } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { organisationQuery, organisationsQuery, verifyOrganisation, type OrganisationFile } from '../queries'
import { useText } from '../text'

type Status = Schema<'OrganisationStatus'>
const statuses: Status[] = ['unverified', 'verified', 'rejected', 'closed']
const tones: Record<Status, Tone> = { unverified: 'soon', verified: 'good', rejected: 'bad', closed: 'quiet' }

/** 实名核验: the window looks at who an organisation is. */
export function OrganisationsPage() {
  const { window: t } = useText()
  const list = useListState()
  const [status, setStatus] = useState<Status>('unverified')
  const [search, setSearch] = useState('')
  const [shown, setShown] = useState('')
  const query = useQuery(organisationsQuery({ page: list.page, size: list.size, status, search }))
  const columns: Column<OrganisationFile>[] = [
    { key: 'name', title: t.name, cell: (o) => o.name },
    { key: 'number', title: t.number, cell: (o) => <span className="mono">{o.number ?? '—'}</span> },
    { key: 'nature', title: t.nature, cell: (o) => o.nature ? t.natures[o.nature as keyof typeof t.natures] : '—' },
    { key: 'status', title: t.status, cell: (o) => <StateTag tone={tones[o.status]} text={t.statuses[o.status]} /> },
    { key: 'created', title: t.created, cell: (o) => minute(o.createdAt) },
    { key: 'action', title: t.action, cell: (o) => <Button size="small" type="primary" onClick={() => setShown(o.id)} aria-label={`${t.look} ${o.name}`} data-testid={`organisation-${o.name}`}>{t.look}</Button> },
  ]
  return (
    <>
      <Title text={t.page} />
      <div className="row" style={{ marginBottom: 12 }}>
        <Select aria-label={t.status} value={status} onChange={(next) => { setStatus(next); list.change({ page: 1 }) }} options={statuses.map((value) => ({ value, label: t.statuses[value] }))} style={{ minWidth: 140 }} />
        <Input.Search aria-label={t.search} placeholder={t.search} allowClear onSearch={(next) => { setSearch(next.trim()); list.change({ page: 1 }) }} style={{ maxWidth: 280 }} />
      </div>
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.page} columns={columns} rows={items} rowKey={(o) => o.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="organisation-list" />}
      </Ready>
      <Modal open={shown !== ''} title={t.look} onCancel={() => setShown('')} footer={null} destroyOnHidden width={640}>{shown && <File id={shown} done={() => setShown('')} />}</Modal>
    </>
  )
}

function File({ id, done }: { id: string; done: () => void }) {
  const { window: t, members } = useText()
  const { punctuation } = useCommon()
  const query = useQuery(organisationQuery(id))
  return (
    <Ready query={query}>
      {(o) => (
        <div className="stack">
          <Facts
            facts={[
              { key: 'name', label: t.name, value: o.name },
              { key: 'number', label: t.number, value: o.number ?? '—' },
              { key: 'legal', label: t.legal, value: o.legalName ? `${o.legalName} ${o.legalNumberMasked ?? ''}` : '—' },
              { key: 'register', label: t.register, value: o.registerName ? `${o.registerName}${punctuation.colon}${t.matches[o.registerMatch ?? 'none']}` : t.noRegister },
              { key: 'status', label: t.status, value: `${t.statuses[o.status]} · ${o.assurance}` },
              { key: 'note', label: t.note, value: o.verifiedNote ?? '—' },
              { key: 'members', label: members.heading, value: punctuation.list(...(o.members ?? []).map((m) => `${m.name}${punctuation.aside(`${members.roles[m.member]} ${m.phoneMasked}`)}`)) || '—' },
            ]}
          />
          {(o.status === 'unverified' || o.status === 'rejected') && <Decide id={id} done={done} />}
        </div>
      )}
    </Ready>
  )
}

function Decide({ id, done }: { id: string; done: () => void }) {
  const { window: t } = useText()
  const client = useQueryClient()
  const [form] = Form.useForm<{ how: 'window' | 'material'; note: string }>()
  const decide = useMutation({
    mutationFn: verifyOrganisation,
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['organisations'] })
      done()
    },
  })
  const send = (accept: boolean) => void form.validateFields().then((fields) => decide.mutate({ ...fields, id, accept }), () => undefined)
  return (
    <Form form={form} name="verification" layout="vertical" initialValues={{ how: 'window' }}>
      <Form.Item name="how" label={t.how}><Select options={[{ value: 'window', label: t.atWindow }, { value: 'material', label: t.byMaterial }]} /></Form.Item>
      <Form.Item name="note" label={t.evidence} rules={[{ required: true, whitespace: true, min: 4 }]}><Input maxLength={200} data-testid="verification-note" /></Form.Item>
      <div className="stack">
        <Alert type="info" showIcon title={t.effect} />
        <Problem error={decide.error} testId="verification-problem" />
        <div className="row">
          <Button type="primary" onClick={() => send(true)} loading={decide.isPending} data-testid="verification-accept">{t.accept}</Button>
          <Button danger onClick={() => send(false)} loading={decide.isPending} data-testid="verification-reject">{t.reject}</Button>
        </div>
      </div>
    </Form>
  )
}
