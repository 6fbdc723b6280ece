import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Form, Input, Modal, Select } from 'antd'
import { useNavigate } from 'react-router'
import type { Schema } from '@/api/client'
import { sessionQuery } from '@/api/session'
import { useCommon } from '@/i18n/common'
import { day } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { choicesQuery, requestRecovery } from '../queries'
import { useText } from '../text'

type Certificate = Schema<'Certificate'>

interface Values {
  certificateId: string
  toCertificateId: string
  reason: string
  files?: string
}

/** Asks for a key back: whose, why, which files, and which USB key alone shall open it. */
export function AskDialog({ close }: { close: () => void }) {
  const { ask: t } = useText()
  const common = useCommon()
  const navigate = useNavigate()
  const [form] = Form.useForm<Values>()
  const session = useQuery(sessionQuery).data
  const query = useQuery(choicesQuery)
  const request = useMutation({ ...requestRecovery, onSuccess: (recovery) => void navigate(`/account/recoveries/${recovery.id}`) })
  const verified = session?.state === 'verified'
  const submit = ({ certificateId, toCertificateId, reason, files }: Values) =>
    request.mutate({ certificateId, toCertificateId, reason: reason.trim(), files: lines(files) })
  return (
    <Modal open title={t.title} okText={t.submit} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={request.isPending} okButtonProps={{ 'data-testid': 'recovery-submit', disabled: !verified }}>
      <div className="stack">
        {!verified && <Alert type="warning" showIcon title={t.unverified} />}
        <Ready query={query}>{(all) => <Fields form={form} all={all} submit={submit} />}</Ready>
        <Problem error={request.error} testId="recovery-problem" />
      </div>
    </Modal>
  )
}

const lines = (text = '') => text.split('\n').map((line) => line.trim()).filter(Boolean).slice(0, 20)

interface FieldsProps {
  form: ReturnType<typeof Form.useForm<Values>>[0]
  all: readonly Certificate[]
  submit: (values: Values) => void
}

function Fields({ form, all, submit }: FieldsProps) {
  const { ask: t } = useText()
  const kept = all.filter((c) => c.origin === 'signet' && c.encSerialHex)
  const valid = all.filter((c) => c.origin === 'signet' && (c.state === 'valid' || c.state === 'expiring'))
  if (kept.length === 0) return <Alert type="info" showIcon title={t.none} data-testid="recovery-none" />
  const options = (list: readonly Certificate[]) => list.map((c) => ({ value: c.id, label: `${c.name} · ${c.encSerialHex} · ${day(c.notAfter)}` }))
  return (
    <Form form={form} name="recovery" layout="vertical" onFinish={submit}>
      <Form.Item name="certificateId" label={t.which} rules={[{ required: true }]}><Select options={options(kept)} data-testid="recovery-which" /></Form.Item>
      <Form.Item name="toCertificateId" label={t.to} extra={t.toHint} rules={[{ required: true }]}><Select options={options(valid)} data-testid="recovery-to" /></Form.Item>
      <Form.Item name="reason" label={t.reason} rules={[{ required: true, whitespace: true }]}><Input maxLength={80} placeholder={t.reasonHint} data-testid="recovery-reason" /></Form.Item>
      <Form.Item name="files" label={t.files}><Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} data-testid="recovery-files" /></Form.Item>
    </Form>
  )
}
