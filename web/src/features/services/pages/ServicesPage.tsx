import { useQuery } from '@tanstack/react-query'
import { Button, Tooltip } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Period } from '@/ui/Period'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { RenewDialog } from '../parts/RenewDialog'
import { servicesQuery } from '../queries'
import { useText } from '../text'

type Service = Schema<'Service'>

/** 我的服务. Source: S002-30…36. */
export function ServicesPage() {
  const t = useText()
  const list = useListState()
  const query = useQuery(servicesQuery(list))
  const columns = useColumns()
  return (
    <>
      <Title text={t.page} />
      <SearchBar key={list.find} label={t.find} value={list.find} search={(find) => list.change({ find })} testId="service-search" />
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.page} columns={columns} rows={items} rowKey={(s) => s.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="service-list" />
        )}
      </Ready>
    </>
  )
}

const tones: Record<Schema<'ServiceState'>, Tone> = { valid: 'good', expiring: 'soon', expired: 'bad', processing: 'busy' }

function useColumns(): Column<Service>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'number', title: c.number, cell: (s) => s.number },
    { key: 'project', title: c.project, cell: (s) => s.projectName, width: 150 },
    { key: 'service', title: c.service, cell: (s) => s.serviceName },
    { key: 'certificate', title: c.certificate, cell: (s) => s.certificateName, width: 150 },
    { key: 'serial', title: c.serial, cell: (s) => <span className="mono">{s.serialHex}</span>, width: 170 },
    { key: 'period', title: c.period, cell: (s) => <Period from={s.from} to={s.to} word={t.to} />, width: 170 },
    { key: 'state', title: c.state, cell: (s) => <span data-testid={`service-state-${s.serialHex}`} data-state={s.state}><StateTag tone={tones[s.state]} text={t.states[s.state]} /></span> },
    { key: 'action', title: c.action, cell: (s) => <Action service={s} /> },
  ]
}

function Action({ service }: { service: Service }) {
  const t = useText()
  const [asking, setAsking] = useState(false)
  if (service.openOrderId) return <LinkButton size="small" to={`/account/orders/${service.openOrderId}`} data-testid={`service-order-${service.serialHex}`}>{t.openOrder}</LinkButton>
  if (!service.renewable) return t.none
  return (
    <>
      <Tooltip title={t.renewHint}>
        <Button size="small" type="primary" onClick={() => setAsking(true)} aria-label={t.renewAria(service.serialHex)} data-testid={`service-renew-${service.serialHex}`}>
          {t.renew}
        </Button>
      </Tooltip>
      {asking && <RenewDialog service={service} close={() => setAsking(false)} />}
    </>
  )
}
