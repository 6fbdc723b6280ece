import { Alert, Button } from 'antd'
import type { Schema } from '@/api/client'
import { fileAddress } from '@/lib/file'
import { yuan } from '@/lib/money'
import { CopyText } from '@/ui/CopyText'
import { Facts, type Fact } from '@/ui/Facts'
import { useText } from '../text'

/** What goes on the transfer slip. The remark code is how finance finds the order. */
export function Transfer({ orderId, transfer, amountCents }: { orderId: string; transfer: Schema<'BankTransfer'>; amountCents: number }) {
  const { transfer: t } = useText()
  const facts: Fact[] = [
    { key: 'payee', label: t.payee, value: transfer.payee },
    { key: 'account', label: t.account, value: <CopyText text={transfer.account} /> },
    { key: 'bank', label: t.bank, value: transfer.bank },
    { key: 'amount', label: t.amount, value: <strong>{yuan(amountCents)}</strong> },
    { key: 'remark', label: t.remark, value: <strong><CopyText text={transfer.remark} testId="order-remark" /></strong> },
  ]
  return (
    <section className="panel stack" data-testid="order-transfer">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      {transfer.simulated && <Alert type="warning" showIcon title={t.simulated} data-testid="order-simulated" />}
      <p style={{ margin: 0 }}>{t.how}</p>
      <Facts facts={facts} columns={1} />
      <div><Button href={fileAddress(`/orders/${orderId}/letter`)} target="_blank" rel="noopener" data-testid="order-letter">{t.slip}</Button></div>
      <p role="status" className="quiet" style={{ margin: 0 }}>{t.waiting}</p>
    </section>
  )
}
