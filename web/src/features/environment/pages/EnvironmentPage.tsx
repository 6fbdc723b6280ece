import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { connectNearby } from '@/agent/nearby'
import { nearbyQuery } from '@/agent/queries'
import { useUKey } from '@/agent/useUKey'
import { codeOf } from '@/api/refusal'
import { isStaff, sessionQuery } from '@/api/session'
import { useCommon } from '@/i18n/common'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { judge, names, tones, type Facts, type Name, type Verdict } from '../judge'
import { healthQuery, permissionQuery } from '../queries'
import { useText } from '../text'

/** 环境检测: which of network, clock, agent, version, permission, driver and key is wrong, and what to do. */
export function EnvironmentPage() {
  const session = useQuery(sessionQuery)
  return <Findings signedIn={!!session.data && !session.data.supplementRequired && !isStaff(session.data)} />
}

function Findings({ signedIn }: { signedIn: boolean }) {
  const t = useText()
  const { facts, again, connect, connecting } = useFacts(signedIn)
  const verdicts = judge(facts)
  return (
    <div className="page page-narrow stack">
      <Title text={t.title} extra={<Button onClick={again} data-testid="environment-again">{t.again}</Button>} />
      <p className="quiet" style={{ margin: 0 }}>{t.lead}</p>
      <ul className="panel stack" style={{ listStyle: 'none', margin: 0, gap: 14 }} aria-label={t.list} data-testid="environment" data-way={facts.way ?? ''}>
        {names.map((name) => <Line key={name} name={name} verdict={verdicts[name]} fact={factOf(name, facts, t)} />)}
      </ul>
      {verdicts.permission === 'ask' && (
        <Alert
          type="info"
          title={t.connectWhy}
          action={<Button type="primary" loading={connecting} onClick={connect} data-testid="environment-connect">{t.connect}</Button>}
        />
      )}
      <Report facts={facts} verdicts={verdicts} />
    </div>
  )
}

function Line({ name, verdict, fact }: { name: Name; verdict: Verdict; fact: string }) {
  const t = useText()
  return (
    <li data-testid={`environment-${name}`} data-verdict={verdict}>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <strong>{t.names[name]}</strong>
        <span className="row"><span className="quiet">{fact}</span><StateTag tone={tones[verdict]} text={t.states[verdict]} /></span>
      </div>
      {t.advice[verdict] && <p style={{ margin: '4px 0 0' }}>{t.advice[verdict]}</p>}
    </li>
  )
}

function factOf(name: Name, facts: Facts, t: ReturnType<typeof useText>): string {
  if (name === 'clock' && facts.clockAhead !== null) return t.report.clock(facts.clockAhead)
  if (name === 'version') return facts.agentVersion
  if (name === 'agent' && facts.way && facts.signedIn) return t.way[facts.way]
  if (name === 'key' && facts.keys) return t.report.keys(facts.keys.count)
  return ''
}

function Report({ facts, verdicts }: { facts: Facts; verdicts: Record<Name, Verdict> }) {
  const t = useText()
  const common = useCommon()
  const lines = [
    `${t.report.page}: ${location.origin}`,
    `${t.report.at}: ${new Date().toISOString()}`,
    ...names.map((name) => `${t.names[name]}: ${verdicts[name]} ${factOf(name, facts, t)}`.trimEnd()),
    `permission=${facts.permission ?? ''} way=${facts.way ?? ''} reason=${facts.reason} portal=${facts.portalVersion}`,
    `${t.report.browser}: ${navigator.userAgent}`,
  ]
  const copy = useMutation({ mutationFn: () => navigator.clipboard.writeText(lines.join('\n')) })
  return (
    <section className="panel stack" aria-label={t.copy}>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <strong>{t.copy}</strong>
        <Button size="small" onClick={() => copy.mutate()} data-testid="environment-copy">{copy.isSuccess ? common.copied : common.copy}</Button>
      </div>
      <p className="quiet" style={{ margin: 0 }}>{t.copyHint}</p>
      <pre className="mono" tabIndex={0} style={{ margin: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', fontSize: 13 }} data-testid="environment-report">{lines.join('\n')}</pre>
    </section>
  )
}

/** Everything the page looks at; nothing of it is shown to anybody but the person. */
function useFacts(signedIn: boolean) {
  const client = useQueryClient()
  const health = useQuery(healthQuery)
  const permission = useQuery(permissionQuery)
  const nearby = useQuery({ ...nearbyQuery, enabled: signedIn })
  const ukey = useUKey({ enabled: signedIn })
  const open = useMutation({
    mutationFn: connectNearby,
    onSuccess: (found) => {
      client.setQueryData(nearbyQuery.queryKey, found)
      void permission.refetch()
    },
  })
  const list = ukey.keys.data
  const facts: Facts = {
    reached: health.isPending ? null : health.isSuccess,
    clockAhead: health.data?.clockAhead ?? null,
    permission: permission.data ?? null,
    signedIn,
    paired: ukey.agents.data?.length ?? null,
    online: ukey.online.length,
    way: nearby.data?.way ?? null,
    reason: nearby.data?.reason ?? '',
    agentVersion: (nearby.data?.version || ukey.agent?.version) ?? '',
    portalVersion: health.data?.version ?? '',
    agentRelease: health.data?.agentRelease ?? '',
    keys: list ? { count: list.length, locked: list.filter((key) => key.pinLocked).length, uninitialised: list.filter((key) => key.initialised === false).length } : null,
    keysFailed: ukey.keys.isError ? (codeOf(ukey.keys.error) ?? 'internal') : '',
  }
  const again = () => {
    void health.refetch()
    void permission.refetch()
    if (!signedIn) return
    void ukey.agents.refetch()
    void nearby.refetch().then(() => ukey.agent && ukey.refresh()) // by the way that was just found
  }
  return { facts, again, connect: () => open.mutate(), connecting: open.isPending }
}
