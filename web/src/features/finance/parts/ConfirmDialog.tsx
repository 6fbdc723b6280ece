import { useMutation } from '@tanstack/react-query'
import { Form, Input, Modal } from 'antd'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { parseYuan, yuan } from '@/lib/money'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { confirmOrder } from '../queries'
import { useText } from '../text'

interface Props {
  order: Schema<'Order'>
  close: () => void
  done: (order: Schema<'Order'>) => void
}

/** Amount and reference are typed from the statement, not copied from the order: that is the check. */
export function ConfirmDialog({ order, close, done }: Props) {
  const t = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ amount: string; reference: string }>()
  const confirm = useMutation({ ...confirmOrder, onSuccess: done })
  const submit = (fields: { amount: string; reference: string }) => {
    const amountCents = parseYuan(fields.amount)
    if (amountCents !== null) confirm.mutate({ id: order.id, amountCents, reference: fields.reference.trim() })
  }
  const isAmount = (_rule: unknown, value: string | undefined) =>
    parseYuan(value ?? '') === null ? Promise.reject(new Error(t.amountBad)) : Promise.resolve()
  return (
    <Modal
      open
      title={t.confirm}
      okText={t.confirm}
      cancelText={common.cancel}
      onOk={() => form.submit()}
      onCancel={close}
      confirmLoading={confirm.isPending}
      okButtonProps={{ 'data-testid': 'finance-confirm-submit' }}
    >
      <div className="stack">
        <p style={{ margin: 0 }}>{t.ask}</p>
        <Facts
          columns={1}
          facts={[
            { key: 'number', label: t.columns.number, value: <span className="mono">{order.number}</span> },
            { key: 'organisation', label: t.columns.organisation, value: order.organisationName || '—' },
            { key: 'remark', label: t.columns.remark, value: <span className="mono">{order.transfer?.remark ?? '—'}</span> },
            { key: 'due', label: t.due, value: yuan(order.amountCents) },
          ]}
        />
        <Form form={form} name="confirm" layout="vertical" onFinish={submit}>
          <Form.Item name="amount" label={t.amount} required rules={[{ validator: isAmount }]}>
            <Input inputMode="decimal" maxLength={20} autoComplete="off" data-testid="finance-amount" />
          </Form.Item>
          <Form.Item name="reference" label={t.reference} rules={[{ required: true, whitespace: true }]}>
            <Input maxLength={100} autoComplete="off" data-testid="finance-reference" />
          </Form.Item>
        </Form>
        <Problem error={confirm.error} testId="finance-problem" />
      </div>
    </Modal>
  )
}
