import { useQuery } from '@tanstack/react-query'
import { Button, Empty } from 'antd'
import { useState } from 'react'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { AskDialog } from '../parts/AskDialog'
import { RecoveryTag } from '../parts/RecoveryTag'
import { recoveriesQuery, type Recovery } from '../queries'
import { useText } from '../text'

/** 恢复: the holder's requests, and a new one. Source: S002-55. */
export function RecoveriesPage() {
  const t = useText()
  const list = useListState()
  const query = useQuery(recoveriesQuery(list))
  const [asking, setAsking] = useState(false)
  const columns = useColumns()
  return (
    <>
      <Title text={t.page} extra={<Button type="primary" onClick={() => setAsking(true)} data-testid="recovery-ask">{t.ask.act}</Button>} />
      <p className="quiet">{t.lead}</p>
      <Ready query={query}>
        {({ items, page }) =>
          page.total === 0 ? <Empty description={t.empty} data-testid="recoveries-empty" /> : (
            <DataTable label={t.page} columns={columns} rows={items} rowKey={(r) => r.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="recoveries-list" />
          )
        }
      </Ready>
      {asking && <AskDialog close={() => setAsking(false)} />}
    </>
  )
}

function useColumns(): Column<Recovery>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'number', title: c.number, cell: (r) => <span className="mono">{r.number}</span> },
    { key: 'certificate', title: c.certificate, cell: (r) => <span className="wrap">{r.certificateName}<br /><span className="mono">{r.encSerialHex}</span></span> },
    { key: 'reason', title: c.reason, cell: (r) => <span className="wrap">{r.reason}</span> },
    { key: 'state', title: c.state, cell: (r) => <RecoveryTag state={r.state} /> },
    { key: 'created', title: c.created, cell: (r) => moment(r.createdAt) },
    { key: 'action', title: c.action, cell: (r) => <LinkButton size="small" to={`/account/recoveries/${r.id}`} type={r.state === 'ready' && !r.writtenAt ? 'primary' : 'default'} data-testid={`recovery-open-${r.number}`}>{t.view}</LinkButton> },
  ]
}
