import { useQuery } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { useState } from 'react'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { DecisionDialog } from '../parts/DecisionDialog'
import { StateFilter, useStateParam } from '../parts/StateFilter'
import { WorkTag } from '../parts/WorkTag'
import { unlocksQuery, type Work } from '../queries'
import { useText } from '../text'

const states = ['pending', 'approved', 'done', 'rejected', 'withdrawn', 'expired', 'parked'] as const

interface Asked {
  work: Work
  approve: boolean
}

/** Reviewers: unlock applications, those that wait first shown alone, oldest on top. */
export function ReviewUnlocksPage() {
  const t = useText()
  const list = useListState()
  const [state, choose] = useStateParam(states, 'pending')
  const query = useQuery({ ...unlocksQuery(list, state), refetchInterval: 15_000 })
  const [asked, setAsked] = useState<Asked | null>(null)
  const [decided, setDecided] = useState<Work | null>(null)
  const columns = useColumns(setAsked)
  return (
    <>
      <Title text={t.review} extra={<StateFilter words={t.works} value={state} choose={choose} testId="review-filter" />} />
      {decided && (
        <Alert type="success" showIcon closable={{ onClose: () => setDecided(null) }} title={t.decided(decided.number, t.works[decided.state])} data-testid="review-decided" style={{ marginBottom: 16 }} />
      )}
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.review} columns={columns} rows={items} rowKey={(work) => work.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="review-list" />
        )}
      </Ready>
      {asked && (
        <DecisionDialog
          {...asked}
          close={() => setAsked(null)}
          done={(work) => {
            setAsked(null)
            setDecided(work)
          }}
        />
      )}
    </>
  )
}

function useColumns(ask: (asked: Asked) => void): Column<Work>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'number', title: c.number, cell: (work) => <span className="mono">{work.number}</span> },
    { key: 'serial', title: c.serial, cell: (work) => <span className="mono">{work.tokenSerial}</span> },
    { key: 'organisation', title: c.organisation, cell: (work) => <span className="mono">{work.organisationId || '—'}</span>, width: 160 },
    { key: 'state', title: c.state, cell: (work) => <span data-testid={`review-state-${work.number}`} data-state={work.state}><WorkTag state={work.state} /></span> },
    { key: 'created', title: c.created, cell: (work) => moment(work.createdAt) },
    { key: 'note', title: c.note, cell: (work) => <span className="wrap">{work.note || '—'}</span>, width: 160 },
    {
      key: 'action',
      title: c.action,
      cell: (work) =>
        work.state === 'pending' ? (
          <span className="row" style={{ gap: 6 }}>
            <Button size="small" type="primary" onClick={() => ask({ work, approve: true })} aria-label={t.approveAria(work.number)} data-testid={`review-approve-${work.number}`}>{t.approve}</Button>
            <Button size="small" danger onClick={() => ask({ work, approve: false })} aria-label={t.rejectAria(work.number)} data-testid={`review-reject-${work.number}`}>{t.reject}</Button>
          </span>
        ) : (
          '—'
        ),
    },
  ]
}
