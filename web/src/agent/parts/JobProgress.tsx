import { Alert, Button, Spin } from 'antd'
import { useCommon } from '@/i18n/common'
import type { Job } from '../job'
import { useText } from '../text'

interface Props {
  job: Job | undefined
  /** Is an assistant there to take it? */
  online: boolean
  /** A step that needs the portal is behind it, so the PIN was typed once already. */
  begun?: boolean
  cancel?: () => void
  /** Title and hint while the assistant asks, where it is not for the PIN alone. */
  ask?: readonly [string, string]
}

/** What the person has to do now while a job is on its way. */
export function JobProgress({ job, online, begun = false, cancel, ask }: Props) {
  const { job: t } = useText()
  const common = useCommon()
  const [title, hint] = words()
  return (
    <Alert
      type={job?.state === 'waiting' && !online ? 'warning' : 'info'}
      role="status"
      data-testid="job-progress"
      data-state={job?.state ?? 'starting'}
      icon={<Spin size="small" />}
      showIcon
      title={title}
      description={hint}
      action={cancel && job && job.state !== 'done' && <Button onClick={cancel} data-testid="job-cancel">{t.cancel}</Button>}
    />
  )

  function words(): [string, string | null] {
    if (!job) return [common.loading, null]
    if (job.state === 'done') return [t.settling, null]
    if (job.state === 'taken') return begun ? [t.working, t.workingHint] : [...(ask ?? ([t.taken, t.takenHint] as const))]
    return online ? [t.waiting, t.waitingHint] : [t.offline, t.offlineHint]
  }
}
