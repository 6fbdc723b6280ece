import { Alert, Button } from 'antd'
import { useEffect } from 'react'
import { JobProgress } from '@/agent/parts/JobProgress'
import type { JobRun } from '@/agent/useJobRun'
import type { UKey } from '@/agent/useUKey'
import { useCommon } from '@/i18n/common'
import { Problem } from '@/ui/Problem'
import { useText } from '../text'

interface Props {
  ukey: UKey
  run: Pick<JobRun, 'job' | 'running' | 'error' | 'cancel'>
  /** The one key that will do. */
  serial: string
  act: () => void
}

/** The key is not there: what is plugged in instead. */
export function PlugStep({ ukey, serial }: Pick<Props, 'ukey' | 'serial'>) {
  const t = useText()
  const { punctuation } = useCommon()
  const keys = ukey.keys.data ?? []
  useLookAgain(ukey)
  return (
    <div className="stack" data-testid="unlock-plug">
      <p style={{ margin: 0 }}>{t.plug} <strong className="mono">{serial}</strong></p>
      {keys.length === 0 ? (
        <Alert type="info" showIcon title={t.none} />
      ) : (
        <Alert type="warning" showIcon data-testid="unlock-other-key" title={<>{t.others} <span className="mono wrap">{punctuation.list(...keys.map((key) => key.serial))}</span></>} />
      )}
      <Problem error={ukey.keys.error} testId="key-problem" />
      <div><Button onClick={ukey.refresh} loading={ukey.keys.isFetching} data-testid="key-refresh">{t.refresh}</Button></div>
    </div>
  )
}

/** The person is about to plug the right key in; it shows by itself. */
function useLookAgain({ keys: { refetch, isFetching } }: UKey) {
  useEffect(() => {
    if (isFetching) return
    const timer = setTimeout(() => void refetch(), 4_000)
    return () => clearTimeout(timer)
  }, [refetch, isFetching])
}

/** The key is there: start, and the new PIN is typed in the assistant's own window. */
export function SetPinStep({ ukey, run, serial, act }: Props) {
  const t = useText()
  const common = useCommon()
  if (run.running) return <JobProgress job={run.job} online={ukey.agent !== undefined} cancel={run.cancel} ask={[t.asking, t.askingHint]} />
  return (
    <div className="stack">
      <Alert type="success" showIcon title={<>{t.found} <span className="mono">{serial}</span></>} />
      <p style={{ margin: 0 }}>{t.lead}</p>
      <Problem error={run.error} testId="unlock-problem" />
      <div className="row">
        <Button type="primary" size="large" onClick={act} data-testid="unlock-start">{run.error ? common.goOn : t.start}</Button>
        <span className="quiet">{t.oneComputer}</span>
      </div>
    </div>
  )
}
