import { Form, Input, Modal } from 'antd'
import { Problem } from '@/ui/Problem'
import { useText } from '../text'

interface Props {
  title: string
  busy: boolean
  error: unknown
  submit: (reason: string) => void
  close: () => void
}

/** Asks why, before something is taken from a person. */
export function ReasonDialog({ title, busy, error, submit, close }: Props) {
  const { people: t } = useText()
  const [form] = Form.useForm<{ reason: string }>()
  return (
    <Modal open title={title} okText={t.confirm} cancelText={t.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={busy} okButtonProps={{ 'data-testid': 'reason-submit' }}>
      <Form form={form} name="reason" layout="vertical" onFinish={({ reason }) => submit(reason)}>
        <Form.Item name="reason" label={t.reason} rules={[{ required: true, whitespace: true }]}><Input maxLength={200} data-testid="reason-text" /></Form.Item>
      </Form>
      <Problem error={error} testId="reason-problem" />
    </Modal>
  )
}
