import { useMutation, useQuery } from '@tanstack/react-query'
import { Form, Input, Modal } from 'antd'
import { staffKeysQuery } from '@/agent/queries'
import { useCommon } from '@/i18n/common'
import { minute, moment } from '@/lib/time'
import { Facts, type Fact } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { decideRecovery, type StaffRecovery } from '../queries'
import { useText } from '../text'

interface Props {
  one: StaffRecovery
  approve: boolean
  close: () => void
  done: (one: StaffRecovery) => void
}

/** A step of the review, with what there is to go by: who asks, why, which files, and what is registered as sealed. */
export function DecideDialog({ one, approve, close, done }: Props) {
  const t = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ note?: string }>()
  const decide = useMutation({ ...decideRecovery, onSuccess: done })
  const sign = useQuery(staffKeysQuery).data?.required ?? false
  const word = approve ? t.decide.approve : t.decide.refuse
  const r = one.recovery
  const f = t.facts
  const facts: Fact[] = [
    { key: 'number', label: t.columns.number, value: <span className="mono">{r.number}</span> },
    { key: 'organisation', label: f.organisation, value: `${one.organisationName} ${one.organisationCode ?? ''}` },
    { key: 'applicant', label: f.applicant, value: one.applicant ?? '—' },
    { key: 'certificate', label: f.certificate, value: <>{r.certificateName} <span className="mono">{r.encSerialHex}</span></> },
    { key: 'reason', label: f.reason, value: r.reason },
    { key: 'files', label: f.files, value: r.files.length > 0 ? common.punctuation.list(...r.files) : t.noFiles },
    { key: 'sealed', label: t.sealed, value: one.sealedBids.length > 0 ? one.sealedBids.map((s) => `${s.name} ${t.opens(minute(s.opensAt))}`).join(common.punctuation.semicolon) : t.noSeals },
  ]
  if (one.reviewedBy) facts.push({ key: 'reviewed', label: f.reviewed, value: `${one.reviewedBy} ${moment(one.reviewedAt)}` })
  return (
    <Modal open width={640} title={word} okText={word} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={decide.isPending} okButtonProps={{ danger: !approve, 'data-testid': 'recovery-decide' }}>
      <div className="stack">
        <p style={{ margin: 0 }}>{approve ? t.decide.approveAsk : t.decide.refuseAsk}</p>
        <Facts columns={1} facts={facts} />
        <Form form={form} name="recovery-decision" layout="vertical" onFinish={({ note }) => decide.mutate({ id: r.id, approve, ...(note?.trim() ? { note: note.trim() } : {}) })}>
          {!approve && <Form.Item name="note" label={t.decide.note} rules={[{ required: true, whitespace: true }]} style={{ marginBottom: 0 }}><Input.TextArea maxLength={500} autoSize={{ minRows: 2 }} data-testid="recovery-note" /></Form.Item>}
        </Form>
        {sign && <p role="status" className="quiet" style={{ margin: 0 }} data-testid="decision-sign">{t.decide.sign}</p>}
        <Problem error={decide.error} testId="recovery-decide-problem" />
      </div>
    </Modal>
  )
}
