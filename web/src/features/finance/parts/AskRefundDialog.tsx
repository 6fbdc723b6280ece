import { useMutation } from '@tanstack/react-query'
import { Form, Input, Modal } from 'antd'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { yuan } from '@/lib/money'
import { Problem } from '@/ui/Problem'
import { askRefund } from '../queries'
import { useText } from '../text'

/** Finance asks for a refund on a holder's behalf; another person decides. */
export function AskRefundDialog({ order, close, done }: { order: Schema<'Order'>; close: () => void; done: () => void }) {
  const { refund: t } = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ reason: string }>()
  const ask = useMutation({ ...askRefund, onSuccess: done })
  return (
    <Modal open title={`${t.ask} ${order.number} ${yuan(order.amountCents)}`} okText={t.ask} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={ask.isPending} okButtonProps={{ 'data-testid': 'finance-refund-submit' }}>
      <p>{t.askText}</p>
      <Form form={form} name="refund" layout="vertical" onFinish={({ reason }) => ask.mutate({ id: order.id, reason: reason.trim() })}>
        <Form.Item name="reason" label={t.reason} rules={[{ required: true, whitespace: true }]}><Input maxLength={500} data-testid="finance-refund-reason" /></Form.Item>
      </Form>
      <Problem error={ask.error} testId="finance-refund-problem" />
    </Modal>
  )
}
