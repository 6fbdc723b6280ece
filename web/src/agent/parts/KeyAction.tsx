import { Button } from 'antd'
import type { ReactNode } from 'react'
import { useCommon } from '@/i18n/common'
import { Problem } from '@/ui/Problem'
import type { TokenKey } from '../job'
import type { JobRun } from '../useJobRun'
import type { UKey } from '../useUKey'
import { JobProgress } from './JobProgress'
import { KeyPicker } from './KeyPicker'
import { PairAgent } from './PairAgent'

interface Props {
  ukey: UKey
  run: Pick<JobRun, 'job' | 'running' | 'error' | 'cancel'>
  serial: string
  pick: (serial: string) => void
  remark?: (key: TokenKey) => string
  /** The button's words, and what it does with the chosen key. */
  label: string
  act: () => void
  ready?: boolean
  testId: string
  children?: ReactNode
}

/** Assistant → key → action, on one page: whatever is missing is what the person sees. */
export function KeyAction({ ukey, run, serial, pick, remark, label, act, ready = true, testId, children }: Props) {
  const t = useCommon()
  if (run.running) return <JobProgress job={run.job} online={ukey.agent !== undefined} cancel={run.cancel} />
  if (ukey.state === 'no-agent') return <PairAgent ukey={ukey} />
  const usable = ukey.keys.data?.some((key) => key.serial === serial && !key.pinLocked) ?? false
  return (
    <div className="stack">
      <KeyPicker ukey={ukey} value={serial} pick={pick} {...(remark ? { remark } : {})} />
      {children}
      <Problem error={run.error} testId={`${testId}-problem`} />
      <div>
        <Button type="primary" size="large" disabled={!usable || !ready} onClick={act} data-testid={testId}>
          {run.error ? t.goOn : label}
        </Button>
      </div>
    </div>
  )
}
