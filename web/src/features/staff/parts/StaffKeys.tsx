import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { useEffect, useState } from 'react'
import { KeyAction } from '@/agent/parts/KeyAction'
import { bindStaffKey, staffKeysQuery } from '@/agent/queries'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import { has, sessionQuery } from '@/api/session'
import type { Schema } from '@/api/client'
import { day, minute } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { actOnKey } from '../queries'
import { useText } from '../text'
import { Rows } from '@/ui/Rows'

type Key = Schema<'StaffKey'>
const tones: Record<Schema<'StaffKeyState'>, Tone> = { requested: 'soon', active: 'good', refused: 'bad', ended: 'quiet' }

/** Keys that staff sign with: one's own, or those of everybody, which a second person confirms. */
export function StaffKeys({ own }: { own: boolean }) {
  const { keys: t } = useText()
  const session = useQuery(sessionQuery)
  const query = useQuery(staffKeysQuery)
  const act = useMutation(actOnKey)
  const me = session.data
  const security = !!me && has(me, 'security')
  const c = t.columns
  const actions = (k: Key) => {
    const mine = k.accountId === me?.accountId
    return (
      <span className="row">
        {k.state === 'requested' && security && !mine && (
          <>
            <Button size="small" type="primary" onClick={() => act.mutate({ id: k.id, act: 'agree' })} data-testid={`key-agree-${k.login}`}>{t.agree}</Button>
            <Button size="small" onClick={() => act.mutate({ id: k.id, act: 'refuse' })}>{t.refuse}</Button>
          </>
        )}
        {(k.state === 'requested' || k.state === 'active') && (mine || security) && <Button size="small" danger onClick={() => act.mutate({ id: k.id, act: 'end' })}>{t.end}</Button>}
      </span>
    )
  }
  return (
    <section className="panel stack" data-testid="staff-keys">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
      <Problem error={act.error} testId="staff-keys-problem" />
      <Ready query={query}>
        {({ items, required }) => (
          <>
            {own && <Alert type={required ? 'warning' : 'info'} showIcon title={required ? t.required : t.optional} />}
            <Rows
              label={t.heading}
              rows={own ? items.filter((k) => k.accountId === me?.accountId) : items}
              rowKey={(k) => k.id}
              empty={t.none}
              columns={[
                { key: 'login', title: c.login, cell: (k) => <span className="mono">{k.login}</span> },
                { key: 'token', title: c.token, cell: (k) => <span className="mono">{k.tokenSerial}</span> },
                { key: 'certificate', title: c.certificate, cell: (k) => <>{k.name} <span className="mono">{k.serialHex}</span></> },
                { key: 'until', title: c.until, cell: (k) => day(k.notAfter) },
                { key: 'state', title: c.state, cell: (k) => <StateTag tone={tones[k.state]} text={t.states[k.state]} /> },
                { key: 'requested', title: c.requested, cell: (k) => minute(k.requestedAt) },
                { key: 'action', title: c.action, cell: actions },
              ]}
            />
          </>
        )}
      </Ready>
    </section>
  )
}

/** 绑定 UKey: the assistant has the chosen key sign a challenge of the portal. */
export function BindKey() {
  const { keys: t } = useText()
  const client = useQueryClient()
  const [serial, setSerial] = useState('')
  const run = useJobRun('prove', bindStaffKey)
  const ukey = useUKey({ running: run.running })
  // The portal names certificates of one's own organisation only, and staff have none.
  const object = ukey.keys.data?.find((key) => key.serial === serial)?.objects.find((o) => o.usage === 'sign')
  useEffect(() => {
    if (run.done) void client.invalidateQueries({ queryKey: staffKeysQuery.queryKey })
  }, [run.done, client])
  const bind = () => object && run.run({ tokenSerial: serial, spkiHash: object.spkiHash, ...(ukey.agent ? { agentId: ukey.agent.id } : {}) })
  return (
    <section className="panel stack" data-testid="bind-key">
      <h2 className="title" style={{ margin: 0 }}>{t.bind}</h2>
      {run.done && <Alert type="success" showIcon title={t.bound} data-testid="key-bound" />}
      <KeyAction ukey={ukey} run={run} serial={serial} pick={setSerial} label={t.bind} act={bind} ready={object !== undefined} testId="bind-start" />
    </section>
  )
}
