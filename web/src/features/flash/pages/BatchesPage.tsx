import { useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { minute } from '@/lib/time'
import { CopyText } from '@/ui/CopyText'
import { DataTable, type Column } from '@/ui/DataTable'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { BatchTag } from '../parts/BatchTag'
import { CreateBatch } from '../parts/CreateBatch'
import { batchesQuery, type Batch } from '../queries'
import { useText } from '../text'

const pathOf = (batch: Batch) => `/admin/flash/${batch.id}`

export function BatchesPage() {
  const t = useText()
  const list = useListState()
  const go = useNavigate()
  const query = useQuery(batchesQuery(list))
  const [creating, setCreating] = useState(false)
  const columns = useColumns()
  return (
    <>
      <Title text={t.page} extra={<Button type="primary" onClick={() => setCreating(true)} data-testid="flash-create">{t.create}</Button>} />
      <p className="quiet" style={{ marginTop: 0 }}>{t.lead} <CopyText text={t.command(location.origin)} /></p>
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.page} columns={columns} rows={items} rowKey={(batch) => batch.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="flash-list" />
        )}
      </Ready>
      {creating && <CreateBatch close={() => setCreating(false)} done={(batch) => void go(pathOf(batch))} />}
    </>
  )
}

function useColumns(): Column<Batch>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'number', title: c.number, cell: (batch) => <Link className="mono" to={pathOf(batch)} data-testid={`flash-open-${batch.number}`}>{batch.number}</Link> },
    { key: 'title', title: c.title, cell: (batch) => batch.title },
    { key: 'project', title: c.project, cell: (batch) => batch.projectSlug },
    { key: 'state', title: c.state, cell: (batch) => <BatchTag state={batch.state} /> },
    { key: 'progress', title: c.progress, cell: (batch) => `${batch.done} / ${batch.size}` },
    { key: 'created', title: c.created, cell: (batch) => minute(batch.createdAt) },
  ]
}
