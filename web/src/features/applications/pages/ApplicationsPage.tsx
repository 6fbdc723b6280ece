import { useQuery } from '@tanstack/react-query'
import type { Schema } from '@/api/client'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { ApplicationTag } from '../parts/ApplicationTag'
import { applicationsQuery } from '../queries'
import { useText } from '../text'

/** 我的申请 */
export function ApplicationsPage() {
  const t = useText()
  const list = useListState()
  const query = useQuery(applicationsQuery(list))
  const columns = useColumns()
  return (
    <>
      <Title text={t.list} />
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.list} columns={columns} rows={items} rowKey={(a) => a.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="application-list" />
        )}
      </Ready>
    </>
  )
}

const over: readonly Schema<'ApplicationState'>[] = ['completed', 'withdrawn', 'failed']

function useColumns(): Column<Schema<'Application'>>[] {
  const t = useText()
  return [
    { key: 'number', title: t.number, cell: (a) => <span className="mono">{a.number}</span> },
    { key: 'certificate', title: t.certificate, cell: (a) => a.certificateName },
    { key: 'serial', title: t.serial, cell: (a) => <span className="mono">{a.serialHex}</span>, width: 170 },
    { key: 'created', title: t.created, cell: (a) => moment(a.createdAt) },
    { key: 'state', title: t.state, cell: (a) => <ApplicationTag state={a.state} /> },
    {
      key: 'action',
      title: t.action,
      cell: (a) => (
        <LinkButton size="small" to={`/account/applications/${a.id}`} type={over.includes(a.state) ? 'default' : 'primary'} data-testid={`application-open-${a.number}`}>
          {over.includes(a.state) ? t.view : t.open}
        </LinkButton>
      ),
    },
  ]
}
