import { useMutation, useQuery } from '@tanstack/react-query'
import { Modal } from 'antd'
import { useNavigate } from 'react-router'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { yuan } from '@/lib/money'
import { Facts, type Fact } from '@/ui/Facts'
import { Period } from '@/ui/Period'
import { Problem } from '@/ui/Problem'
import { renewService, termsQuery } from '../queries'
import { useText } from '../text'

/** Asks before an order is made: for what, for how much, for how long. */
export function RenewDialog({ service, close }: { service: Schema<'Service'>; close: () => void }) {
  const t = useText()
  const common = useCommon()
  const navigate = useNavigate()
  const slug = service.projectSlug ?? ''
  const terms = useQuery({ ...termsQuery(slug), enabled: slug !== '' })
  const renew = useMutation({ ...renewService, onSuccess: (order) => void navigate(`/account/orders/${order.id}`) })
  const price = service.priceCents ?? terms.data?.priceCents
  const facts: Fact[] = [
    { key: 'service', label: t.columns.service, value: `${service.projectName} · ${service.serviceName}` },
    { key: 'certificate', label: t.columns.certificate, value: service.certificateName },
    { key: 'serial', label: t.columns.serial, value: <span className="mono">{service.serialHex}</span> },
    { key: 'period', label: t.columns.period, value: <Period from={service.from} to={service.to} word={t.to} /> },
    { key: 'term', label: t.term, value: terms.data ? t.months(terms.data.termMonths) : '…' },
    { key: 'price', label: t.price, value: <strong>{price === undefined ? '…' : price === 0 ? t.free : yuan(price)}</strong> },
  ]
  return (
    <Modal
      open
      title={t.ask}
      okText={t.order}
      cancelText={common.cancel}
      onOk={() => renew.mutate(service.id)}
      onCancel={close}
      confirmLoading={renew.isPending}
      okButtonProps={{ 'data-testid': 'service-renew-confirm' }}
      cancelButtonProps={{ 'data-testid': 'service-renew-cancel' }}
      width={600}
    >
      <div className="stack">
        <p style={{ margin: 0 }}>{t.askText}</p>
        <Facts facts={facts} columns={1} />
        <p className="quiet" style={{ margin: 0 }}>{t.next}</p>
        <Problem error={terms.error ?? renew.error} testId="service-renew-problem" />
      </div>
    </Modal>
  )
}
