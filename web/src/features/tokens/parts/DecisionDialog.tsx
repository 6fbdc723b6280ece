import { useMutation, useQuery } from '@tanstack/react-query'
import { Form, Input, Modal } from 'antd'
import { staffKeysQuery } from '@/agent/queries'
import { useCommon } from '@/i18n/common'
import { moment } from '@/lib/time'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { decideUnlock, type Work } from '../queries'
import { useText } from '../text'

interface Props {
  work: Work
  approve: boolean
  close: () => void
  done: (work: Work) => void
}

/** A reviewer's decision; a rejection says why. */
export function DecisionDialog({ work, approve, close, done }: Props) {
  const t = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ note?: string }>()
  const decide = useMutation({ ...decideUnlock, onSuccess: done })
  const sign = useQuery(staffKeysQuery).data?.required ?? false
  const word = approve ? t.approve : t.reject
  return (
    <Modal
      open
      title={word}
      okText={word}
      cancelText={common.cancel}
      onOk={() => form.submit()}
      onCancel={close}
      confirmLoading={decide.isPending}
      okButtonProps={{ danger: !approve, 'data-testid': 'decision-submit' }}
    >
      <div className="stack">
        <p style={{ margin: 0 }}>{approve ? t.approveAsk : t.rejectAsk}</p>
        <Facts
          columns={1}
          facts={[
            { key: 'number', label: t.columns.number, value: <span className="mono">{work.number}</span> },
            { key: 'serial', label: t.columns.serial, value: <span className="mono">{work.tokenSerial}</span> },
            { key: 'created', label: t.columns.created, value: moment(work.createdAt) },
          ]}
        />
        <Form form={form} name="decision" layout="vertical" onFinish={({ note }) => decide.mutate({ id: work.id, approve, ...(note?.trim() ? { note: note.trim() } : {}) })}>
          <Form.Item name="note" label={approve ? t.approveNote : t.rejectNote} rules={approve ? [] : [{ required: true, whitespace: true }]} style={{ marginBottom: 0 }}>
            <Input.TextArea maxLength={500} autoSize={{ minRows: 2 }} data-testid="decision-note" />
          </Form.Item>
        </Form>
        {sign && <p role="status" className="quiet" style={{ margin: 0 }} data-testid="decision-sign">{t.sign}</p>}
        <Problem error={decide.error} testId="decision-problem" />
      </div>
    </Modal>
  )
}
