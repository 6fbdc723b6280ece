import { useMutation, useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { has, sessionQuery } from '@/api/session'
import { day, minute } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { ReasonDialog } from '../parts/ReasonDialog'
import { Rows } from '@/ui/Rows'
import { actOnGrant, grantsQuery } from '../queries'
import { useText } from '../text'

type Grant = Schema<'Grant'>
const tones: Record<Schema<'GrantState'>, Tone> = { requested: 'soon', active: 'good', refused: 'bad', ended: 'quiet', expired: 'bad' }

/** 角色授权: asked for by one, confirmed by another, reviewed or ended. The server refuses whoever may not. */
export function GrantsPage() {
  const { grants: t, roles } = useText()
  const session = useQuery(sessionQuery)
  const query = useQuery(grantsQuery)
  const act = useMutation(actOnGrant)
  const [ending, setEnding] = useState<Grant | null>(null)
  const me = session.data
  const c = t.columns
  const actions = (g: Grant) => {
    if (!me || !has(me, 'security')) return '—'
    const own = g.accountId === me.accountId
    return (
      <span className="row">
        {g.state === 'requested' && !own && g.requestedBy !== me.login && (
          <>
            <Button size="small" type="primary" onClick={() => act.mutate({ id: g.id, act: 'agree' })} data-testid={`agree-${g.login}-${g.role}`}>{t.agree}</Button>
            <Button size="small" onClick={() => act.mutate({ id: g.id, act: 'refuse' })}>{t.refuse}</Button>
          </>
        )}
        {g.state === 'active' && g.due && !own && <Button size="small" onClick={() => act.mutate({ id: g.id, act: 'review' })}>{t.review}</Button>}
        {(g.state === 'active' || g.state === 'requested') && <Button size="small" danger onClick={() => setEnding(g)}>{t.end}</Button>}
      </span>
    )
  }
  return (
    <div className="stack">
      <Title text={t.page} />
      <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
      <Problem error={act.error} testId="grants-problem" />
      <section className="panel" data-testid="grants">
        <Ready query={query}>
          {({ items }) => (
            <Rows
              label={t.page}
              rows={items}
              rowKey={(g) => g.id}
              empty={t.none}
              columns={[
                { key: 'person', title: c.person, cell: (g) => <><span className="mono whole">{g.login}</span> {g.name !== g.login && g.name}</> },
                { key: 'role', title: c.role, cell: (g) => <span className="whole">{roles[g.role]}</span> },
                { key: 'scope', title: c.scope, cell: (g) => g.project ?? g.region ?? t.all },
                { key: 'state', title: c.state, cell: (g) => <span data-testid={`grant-state-${g.login}-${g.role}`} data-state={g.state}><StateTag tone={tones[g.state]} text={t.states[g.state]} />{g.due && g.state === 'active' && <StateTag tone="soon" text={t.due} />}</span> },
                { key: 'requested', title: c.requested, cell: (g) => <By who={g.requestedBy} at={minute(g.requestedAt)} /> },
                { key: 'decided', title: c.decided, cell: (g) => (g.decidedBy ? <By who={g.decidedBy} at={minute(g.decidedAt)} /> : '—') },
                { key: 'until', title: c.until, cell: (g) => <span className="whole">{day(g.expiresAt)}</span> },
                { key: 'action', title: c.action, cell: actions },
              ]}
            />
          )}
        </Ready>
      </section>
      {ending && <ReasonDialog title={`${t.end} ${ending.login} ${roles[ending.role]}`} busy={act.isPending} error={act.error} close={() => setEnding(null)} submit={(reason) => act.mutate({ id: ending.id, act: 'end', reason }, { onSuccess: () => setEnding(null) })} />}
    </div>
  )
}

function By({ who, at }: { who: string; at: string }) {
  return (
    <>
      <span className="whole">{who}</span> <span className="quiet whole">{at}</span>
    </>
  )
}
