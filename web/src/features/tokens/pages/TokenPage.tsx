import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { useEffect } from 'react'
import { useParams } from 'react-router'
import { JobProgress } from '@/agent/parts/JobProgress'
import { PairAgent } from '@/agent/parts/PairAgent'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey, type UKey } from '@/agent/useUKey'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { minute } from '@/lib/time'
import { Facts, type Fact } from '@/ui/Facts'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { Contents } from '../parts/Contents'
import { PlugStep } from '../parts/DeviceStep'
import { TokenTags } from '../parts/TokenTags'
import { changePin, myTokensQuery, takeOver, type Token } from '../queries'
import { useText } from '../text'

/** One USB key: what the register says of it, 修改 PIN, what is on it, and 接管 where its officer's PIN is not in custody or has to be renewed. A key that has one of our certificates on it enters the register by its first use. */
export function TokenPage() {
  const t = useText()
  const { serial = '' } = useParams()
  const query = useQuery(myTokensQuery({ page: 1, size: 100 }))
  return (
    <>
      <Title text={t.one} extra={<LinkButton to="/account/tokens">{t.toTokens}</LinkButton>} />
      <Ready query={query}>
        {({ items }) => {
          const token = items.find((one) => one.serial === serial)
          return (
            <div className="stack" data-testid="token">
              <TokenFacts serial={serial} token={token} />
              <Act key={`pin ${serial}`} serial={serial} kind="pin" />
              <Contents key={`contents ${serial}`} serial={serial} />
              {(!token || dueForTakeOver(token)) && <Act key={`takeover ${serial}`} serial={serial} kind="takeover" />}
            </div>
          )
        }}
      </Ready>
    </>
  )
}

function TokenFacts({ serial, token }: { serial: string; token: Token | undefined }) {
  const t = useText()
  const facts: Fact[] = [{ key: 'serial', label: t.columns.serial, value: <span className="mono">{serial}</span> }]
  if (token) {
    facts.push(
      { key: 'state', label: t.columns.state, value: <TokenTags token={token} /> },
      { key: 'label', label: t.columns.label, value: token.label || '—' },
      { key: 'model', label: t.columns.model, value: token.model || '—' },
      { key: 'known', label: t.unlock, value: token.soKnown ? t.known : t.unknown },
      { key: 'updated', label: t.columns.updated, value: minute(token.updatedAt) },
    )
  }
  return <section className="panel"><Facts facts={facts} /></section>
}

/** The server decides; this only hides what it would refuse. */
const dueForTakeOver = (token: Token) => token.state !== 'blank' && !token.parked && (token.soVersion === 0 || token.soExposed === true)

type Kind = 'pin' | 'takeover'

const jobs = { pin: changePin, takeover: takeOver }

/** One thing that is done with the key in the agent's own window. */
function Act({ serial, kind }: { serial: string; kind: Kind }) {
  const t = useText()
  const client = useQueryClient()
  const run = useJobRun(kind === 'pin' ? 'change-pin' : 'takeover', jobs[kind](serial))
  const ukey = useUKey({ running: run.running })
  const { done } = run
  useEffect(() => {
    if (done && kind === 'pin') void client.invalidateQueries({ queryKey: ['tokens'] }) // a takeover would hide this panel with its own success
  }, [done, kind, client])
  return (
    <section className="panel stack" aria-label={t[kind].title}>
      <h2 className="title" style={{ margin: 0 }}>{t[kind].title}</h2>
      <ActBody serial={serial} kind={kind} run={run} ukey={ukey} />
    </section>
  )
}

interface BodyProps {
  serial: string
  kind: Kind
  run: ReturnType<typeof useJobRun<Schema<'AgentChoice'>>>
  ukey: UKey
}

function ActBody({ serial, kind, run, ukey }: BodyProps) {
  const texts = useText()
  const t = texts[kind]
  const common = useCommon()
  if (run.running) return <JobProgress job={run.job} online={ukey.agent !== undefined} cancel={run.cancel} ask={[t.asking, texts.askingHint]} />
  if (run.done) return <Alert type="success" showIcon role="status" title={t.done} data-testid={`${kind}-changed`} />
  if (ukey.state === 'no-agent') return <PairAgent ukey={ukey} />
  const key = ukey.keys.data?.find((one) => one.serial === serial)
  return (
    <>
      <p style={{ margin: 0 }}>{t.lead}</p>
      {!key && <PlugStep ukey={ukey} serial={serial} />}
      <Problem error={run.error} testId={`${kind}-problem`} />
      <div className="row">
        <Button type={kind === 'pin' ? 'primary' : 'default'} disabled={!key || key.pinLocked} onClick={() => run.run(ukey.agent ? { agentId: ukey.agent.id } : {})} data-testid={`${kind}-start`}>
          {run.error ? common.goOn : t.open}
        </Button>
        <span className="quiet">{t.hint}</span>
      </div>
    </>
  )
}
