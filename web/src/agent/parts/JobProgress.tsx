import { Alert, Button, Spin } from 'antd'
import type { Job } from '../job'
import { useText } from '../text'

/** What the person has to do now while a job is on its way. */
export function JobProgress({ job, cancel }: { job: Job | undefined; cancel: () => void }) {
  const { job: t } = useText()
  const taken = job?.state === 'taken'
  return (
    <Alert
      type="info"
      role="status"
      data-testid="job-progress"
      data-state={job?.state ?? 'starting'}
      icon={<Spin size="small" />}
      showIcon
      title={taken ? t.taken : job?.state === 'done' ? t.settling : t.waiting}
      description={taken ? t.takenHint : null}
      action={job?.state !== 'done' && <Button onClick={cancel} data-testid="job-cancel">{t.cancel}</Button>}
    />
  )
}
