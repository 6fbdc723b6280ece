import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Tag } from 'antd'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import { has, sessionQuery } from '@/api/session'
import { minute } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { MoveDialog, movesOf } from '../parts/MoveDialog'
import { ReleaseDialog } from '../parts/ReleaseDialog'
import { SheetDialog } from '../parts/SheetDialog'
import { StateFilter, useStateParam } from '../parts/StateFilter'
import { Stock } from '../parts/Stock'
import { TokenTags } from '../parts/TokenTags'
import { registerQuery, type Token } from '../queries'
import { useText } from '../text'

const states = ['blank', 'initialised', 'issued', 'in_transit', 'active', 'locked', 'lost', 'scrapped'] as const

/** Operators: every USB key, who has it, and whether its officer's PIN is in custody. A parked key is let go here. */
export function RegisterPage() {
  const t = useText()
  const list = useListState()
  const [state, choose] = useStateParam(states)
  const [params, setParams] = useSearchParams()
  const model = params.get('model')
  const query = useQuery(registerQuery(list, state, model))
  const session = useQuery(sessionQuery).data
  const operator = session ? has(session, 'operator') : false
  const [asked, setAsked] = useState<Token | null>(null)
  const [moving, setMoving] = useState<Token | null>(null)
  const [sheet, setSheet] = useState(false)
  const [said, say] = useState('')
  const columns = useColumns(operator, setAsked, setMoving)
  const show = (model: string | null, state: Token['state'] | null) =>
    setParams((old) => {
      const next = new URLSearchParams(old)
      next.delete('page')
      next.set('state', state ?? 'all')
      if (model === null) next.delete('model')
      else next.set('model', model)
      return next
    })
  const filter = (
    <>
      <StateFilter words={t.states} value={state} choose={choose} testId="register-filter" />
      {model !== null && <Tag closable onClose={() => show(null, state)} data-testid="register-model">{t.stock.only(model || t.stock.noModel)}</Tag>}
    </>
  )
  return (
    <>
      <Title text={t.register} extra={operator && <Button onClick={() => setSheet(true)} data-testid="register-sheet">{t.sheet.open}</Button>} />
      {said && <Alert type="success" showIcon closable={{ onClose: () => say('') }} title={said} data-testid="register-said" style={{ marginBottom: 16 }} />}
      <Stock states={states} choose={show} />
      <SearchBar key={list.find} label={t.findSerial} value={list.find} search={(find) => list.change({ find })} extra={filter} testId="register-search" />
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.register} columns={columns} rows={items} rowKey={(token) => token.serial} page={page} change={list.change} busy={query.isPlaceholderData} testId="register-list" />
        )}
      </Ready>
      {asked && (
        <ReleaseDialog
          token={asked}
          close={() => setAsked(null)}
          done={(token) => {
            setAsked(null)
            say(t.released(token.serial))
          }}
        />
      )}
      {moving && (
        <MoveDialog
          token={moving}
          close={() => setMoving(null)}
          done={(token) => {
            setMoving(null)
            say(t.move.done(token.serial, t.states[token.state]))
          }}
        />
      )}
      {sheet && (
        <SheetDialog
          close={() => setSheet(false)}
          done={(added) => {
            setSheet(false)
            say(t.sheet.done(added))
          }}
        />
      )}
    </>
  )
}

function useColumns(operator: boolean, release: (token: Token) => void, move: (token: Token) => void): Column<Token>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'serial', title: c.serial, cell: (token) => <span className="mono">{token.serial}</span> },
    { key: 'label', title: c.label, cell: (token) => token.label || '—', width: 150 },
    { key: 'model', title: c.model, cell: (token) => token.model || '—' },
    { key: 'state', title: c.state, cell: (token) => <span data-testid={`register-state-${token.serial}`} data-state={token.state} data-parked={token.parked}><TokenTags token={token} /></span> },
    { key: 'owner', title: c.owner, cell: (token) => token.organisationName ?? '—', width: 200 },
    { key: 'officer', title: c.officer, cell: (token) => <Officer token={token} /> },
    { key: 'updated', title: c.updated, cell: (token) => minute(token.updatedAt) },
    {
      key: 'action',
      title: c.action,
      cell: (token) =>
        !operator || (!token.parked && movesOf(token).length === 0) ? '—' : (
          <span className="row" style={{ gap: 6 }}>
            {token.parked && <Button size="small" onClick={() => release(token)} aria-label={t.releaseAria(token.serial)} data-testid={`register-release-${token.serial}`}>{t.release}</Button>}
            {movesOf(token).length > 0 && <Button size="small" onClick={() => move(token)} aria-label={t.move.openAria(token.serial)} data-testid={`register-move-${token.serial}`}>{t.move.open}</Button>}
          </span>
        ),
    },
  ]
}

/** Whether the officer's PIN is in custody, and in which version; never the PIN. */
function Officer({ token }: { token: Token }) {
  const t = useText()
  return (
    <span className="row" style={{ gap: 6 }}>
      <StateTag tone={token.soKnown ? 'good' : 'quiet'} text={token.soKnown ? t.inCustody : t.notInCustody} />
      {token.soKnown && <span className="quiet">{t.officerVersion(token.soVersion)}</span>}
      {token.soPending && <StateTag tone="soon" text={t.pendingChange} />}
      {token.soExposed && <StateTag tone="soon" text={t.exposed} />}
    </span>
  )
}
