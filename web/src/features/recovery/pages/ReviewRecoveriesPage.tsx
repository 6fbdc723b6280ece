import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Select } from 'antd'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import { has, sessionQuery } from '@/api/session'
import { moment } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { DecideDialog } from '../parts/DecideDialog'
import { RecoveryTag } from '../parts/RecoveryTag'
import { allRecoveriesQuery, type StaffRecovery, type State } from '../queries'
import { useText } from '../text'

const states: readonly State[] = ['pending', 'second', 'requested', 'ready', 'refused', 'withdrawn']

interface Asked {
  one: StaffRecovery
  approve: boolean
}

/** Reviewers and approvers: key recoveries, the longest waiting first. */
export function ReviewRecoveriesPage() {
  const t = useText()
  const list = useListState()
  const session = useQuery(sessionQuery).data
  const [params, setParams] = useSearchParams()
  const first: State = session && !has(session, 'reviewer') && has(session, 'approver') ? 'second' : 'pending'
  const named = params.get('state') ?? first
  const state = states.find((s) => s === named) ?? null
  const query = useQuery({ ...allRecoveriesQuery(list, state), refetchInterval: 15_000 })
  const [asked, setAsked] = useState<Asked | null>(null)
  const [decided, setDecided] = useState<StaffRecovery | null>(null)
  const columns = useColumns(setAsked, (s) => (session ? (s === 'pending' ? has(session, 'reviewer') : s === 'second' && has(session, 'approver')) : false))
  const filter = (
    <Select
      value={state ?? 'all'}
      aria-label={t.columns.state}
      style={{ minWidth: 170 }}
      data-testid="recovery-filter"
      options={[{ value: 'all', label: t.all }, ...states.map((value) => ({ value, label: t.states[value] }))]}
      onChange={(value: string) => setParams({ state: value })}
    />
  )
  return (
    <>
      <Title text={t.review} extra={filter} />
      {decided && <Alert type="success" showIcon closable={{ onClose: () => setDecided(null) }} title={t.decided(decided.recovery.number, t.states[decided.recovery.state])} data-testid="recovery-decided" style={{ marginBottom: 16 }} />}
      <Ready query={query}>
        {({ items, page }) => <DataTable label={t.review} columns={columns} rows={items} rowKey={(one) => one.recovery.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="recovery-review-list" />}
      </Ready>
      {asked && (
        <DecideDialog
          {...asked}
          close={() => setAsked(null)}
          done={(one) => {
            setAsked(null)
            setDecided(one)
          }}
        />
      )}
    </>
  )
}

function useColumns(ask: (asked: Asked) => void, mine: (state: State) => boolean): Column<StaffRecovery>[] {
  const t = useText()
  const c = t.columns
  const d = t.decide
  return [
    { key: 'number', title: c.number, cell: ({ recovery: r }) => <span className="mono">{r.number}</span> },
    { key: 'organisation', title: c.organisation, cell: (one) => <span className="wrap">{one.organisationName}<br /><span className="mono quiet">{one.organisationCode}</span></span>, width: 200 },
    { key: 'reason', title: c.reason, cell: ({ recovery: r }) => <span className="wrap">{r.reason}</span>, width: 200 },
    { key: 'state', title: c.state, cell: ({ recovery: r }) => <span data-testid={`recovery-state-${r.number}`} data-state={r.state}><RecoveryTag state={r.state} /></span> },
    { key: 'created', title: c.created, cell: ({ recovery: r }) => moment(r.createdAt) },
    {
      key: 'action',
      title: c.action,
      cell: (one) =>
        mine(one.recovery.state) ? (
          <span className="row" style={{ gap: 6 }}>
            <Button size="small" type="primary" onClick={() => ask({ one, approve: true })} aria-label={d.approveAria(one.recovery.number)} data-testid={`recovery-approve-${one.recovery.number}`}>{d.approve}</Button>
            <Button size="small" danger onClick={() => ask({ one, approve: false })} aria-label={d.refuseAria(one.recovery.number)} data-testid={`recovery-refuse-${one.recovery.number}`}>{d.refuse}</Button>
          </span>
        ) : '—',
    },
  ]
}
