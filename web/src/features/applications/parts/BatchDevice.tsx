import { Alert, Button, Spin } from 'antd'
import { PairAgent } from '@/agent/parts/PairAgent'
import type { UKey } from '@/agent/useUKey'
import { Problem } from '@/ui/Problem'
import { actable, keyOf, useBatchText, type BatchItem } from '../batch'
import type { Planned, useBatchRun } from '../useBatchRun'

interface Props {
  items: readonly BatchItem[]
  ukey: UKey
  run: ReturnType<typeof useBatchRun>
  ready: boolean
}

/** Assistant → keys → all that are plugged in, one after the other. */
export function BatchDevice({ items, ukey, run, ready }: Props) {
  const t = useBatchText()
  const { step, stopping } = run
  if (step) {
    return (
      <Alert
        type="info"
        role="status"
        showIcon
        icon={<Spin size="small" />}
        title={<>{t.busy}<span className="mono">{step.serialHex}</span> {t.working[step.phase]}</>}
        description={stopping ? t.stopping : t.waits}
        action={<Button onClick={run.stop} disabled={stopping} data-testid="batch-stop">{t.stop}</Button>}
        data-testid="batch-busy"
      />
    )
  }
  if (!ukey.agent) return <PairAgent ukey={ukey} />
  const agentId = ukey.agent.id
  const planned = items.filter(actable).flatMap((item): Planned[] => {
    const key = keyOf(item, ukey.keys.data ?? [])
    return key ? [{ item, target: { agentId, tokenSerial: key.serial } }] : []
  })
  const begun = items.some(({ state }) => state === 'done' || state === 'writing')
  return (
    <div className="stack">
      <p style={{ margin: 0 }}>{t.how}</p>
      <Problem error={ukey.keys.error} retry={ukey.refresh} />
      <div className="row">
        <Button type="primary" size="large" disabled={!ready || planned.length === 0} onClick={() => run.run(planned)} data-testid="batch-start">{begun ? t.goOn : t.act}</Button>
        <Button size="large" onClick={ukey.refresh} loading={ukey.keys.isFetching} data-testid="batch-refresh">{t.refresh}</Button>
        <span className="quiet" role="status" data-testid="batch-keys" data-count={planned.length}>{t.keysHere(planned.length)}</span>
      </div>
    </div>
  )
}
