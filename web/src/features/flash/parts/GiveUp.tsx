import { useMutation } from '@tanstack/react-query'
import { Form, Input, Modal } from 'antd'
import { useCommon } from '@/i18n/common'
import { Problem } from '@/ui/Problem'
import { giveUpKey, type FlashKey } from '../queries'
import { useText } from '../text'

export function GiveUp({ of: key, close }: { of: FlashKey; close: () => void }) {
  const { giveUp: t } = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ reason: string }>()
  const act = useMutation({ ...giveUpKey, onSuccess: close })
  return (
    <Modal
      open
      title={`${t.title} ${key.serial ?? ''}`}
      okText={t.act}
      okButtonProps={{ danger: true, 'data-testid': 'give-up-submit' }}
      cancelText={common.cancel}
      onOk={() => form.submit()}
      onCancel={close}
      confirmLoading={act.isPending}
    >
      <div className="stack">
        <p style={{ margin: 0 }}>{t.ask}</p>
        <Form form={form} name="give-up" layout="vertical" onFinish={({ reason }) => act.mutate({ id: key.id, reason: reason.trim() })}>
          <Form.Item name="reason" label={t.reason} rules={[{ required: true, whitespace: true }]} style={{ marginBottom: 0 }}>
            <Input.TextArea maxLength={300} autoSize={{ minRows: 2 }} data-testid="give-up-reason" />
          </Form.Item>
        </Form>
        <Problem error={act.error} testId="give-up-problem" />
      </div>
    </Modal>
  )
}
