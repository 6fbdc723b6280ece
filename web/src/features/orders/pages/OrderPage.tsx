import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button } from 'antd'
import { useEffect } from 'react'
import { useParams } from 'react-router'
import type { Schema } from '@/api/client'
import { yuan } from '@/lib/money'
import { moment } from '@/lib/time'
import { Facts, type Fact } from '@/ui/Facts'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { Events } from '../parts/Events'
import { InvoicePart } from '../parts/InvoicePart'
import { Left } from '../parts/Left'
import { OrderTag } from '../parts/OrderTag'
import { RefundPart } from '../parts/RefundPart'
import { Scan } from '../parts/Scan'
import { SlipPart } from '../parts/SlipPart'
import { Transfer } from '../parts/Transfer'
import { closeOrder, orderQuery } from '../queries'
import { useText } from '../text'

type Order = Schema<'Order'>

/** One order: what it is for, how to pay it, and that it is paid. */
export function OrderPage() {
  const t = useText()
  const { id = '' } = useParams()
  const query = useQuery(orderQuery(id))
  useForgetServicesWhenPaid(query.data?.state)
  return (
    <>
      <Title text={t.one} extra={<LinkButton to="/account/orders">{t.list}</LinkButton>} />
      <Ready query={query}>{(order) => <Body order={order} />}</Ready>
    </>
  )
}

function useForgetServicesWhenPaid(state: Order['state'] | undefined) {
  const client = useQueryClient()
  useEffect(() => {
    if (state !== 'paid') return
    for (const queryKey of [['services'], ['certificates']]) void client.invalidateQueries({ queryKey })
  }, [state, client])
}

function Body({ order }: { order: Order }) {
  const t = useText()
  const facts = useFacts(order)
  return (
    <div className="stack" data-testid="order" data-state={order.state}>
      {order.state === 'paid' && (order.applicationId ? <Alert type="success" showIcon title={t.paidApplication} data-testid="order-paid" /> : <Alert type="success" showIcon title={t.paid} description={t.next} data-testid="order-paid" />)}
      <section className="panel"><Facts facts={facts} /></section>
      {order.state === 'pending' && order.transfer && <Transfer orderId={order.id} transfer={order.transfer} amountCents={order.amountCents} />}
      {order.state === 'pending' && <Scan order={order} />}
      {order.state === 'pending' && order.transfer && <SlipPart order={order} />}
      {order.state === 'pending' && <CloseButton order={order} />}
      {order.amountCents > 0 && (order.state === 'paid' || order.invoice) && <InvoicePart order={order} />}
      {order.amountCents > 0 && (order.state === 'paid' || order.refund) && <RefundPart order={order} />}
      {order.state === 'paid' && order.serviceId && <div><LinkButton type="primary" to="/account/certificates" data-testid="order-to-certificates">{t.toCertificates}</LinkButton></div>}
      {order.applicationId && <div><LinkButton to={`/account/applications/${order.applicationId}`}>{t.toApplication}</LinkButton></div>}
      {order.timeline && <Events events={order.timeline} />}
    </div>
  )
}

function useFacts(order: Order): Fact[] {
  const t = useText()
  const facts: Fact[] = [
    { key: 'number', label: t.columns.number, value: <span className="mono" data-testid="order-number">{order.number}</span> },
    { key: 'state', label: t.columns.state, value: <span data-testid="order-state"><OrderTag state={order.state} /></span> },
    { key: 'title', label: t.columns.title, value: order.title },
    { key: 'amount', label: t.columns.amount, value: <strong data-testid="order-amount">{order.amountCents === 0 ? t.free : yuan(order.amountCents)}</strong> },
    { key: 'created', label: t.columns.created, value: moment(order.createdAt) },
  ]
  if (order.dueAt) facts.push({ key: 'due', label: t.due, value: <Left until={order.dueAt} /> })
  if (order.state === 'paid' && order.payMethod) facts.push({ key: 'method', label: t.method, value: t.methods[order.payMethod] })
  if (order.termMonths) facts.push({ key: 'term', label: t.term, value: t.months(order.termMonths) })
  if (order.newTo) facts.push({ key: 'newTo', label: t.newTo, value: moment(order.newTo) })
  if (order.paidAt) facts.push({ key: 'paidAt', label: t.paidAt, value: moment(order.paidAt) })
  if (order.closedAt) facts.push({ key: 'closedAt', label: t.closedAt, value: moment(order.closedAt) })
  return facts
}

function CloseButton({ order }: { order: Order }) {
  const t = useText()
  const { modal } = App.useApp()
  const close = useMutation(closeOrder)
  const ask = () => void modal.confirm({ title: t.close, content: t.closeAsk, onOk: () => close.mutateAsync(order.id).catch(() => undefined) })
  return (
    <div className="stack">
      <Problem error={close.error} testId="order-problem" />
      <div><Button onClick={ask} data-testid="order-close">{t.close}</Button></div>
    </div>
  )
}
