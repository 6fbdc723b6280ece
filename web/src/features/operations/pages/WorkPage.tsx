import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Checkbox, Empty } from 'antd'
import { useSearchParams } from 'react-router'
import type { Schema } from '@/api/client'
import { moment } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { retryWork, workQuery } from '../queries'
import { useText } from '../text'

type Job = Schema<'BackgroundJob'>

const tones: Record<Job['state'], Tone> = { dead: 'bad', failing: 'soon', running: 'busy', well: 'good' }

/** 后台任务: the calendar and what failed, the worst first. */
export function WorkPage() {
  const t = useText().work
  const [params, setParams] = useSearchParams()
  const only = params.get('only') === 'problems'
  const query = useQuery(workQuery)
  const retry = useMutation(retryWork)
  return (
    <>
      <Title text={t.title} extra={<Checkbox checked={only} onChange={(event) => setParams(event.target.checked ? { only: 'problems' } : {})} data-testid="work-problems">{t.problemsOnly}</Checkbox>} />
      <Problem error={retry.error} />
      {retry.isSuccess && <Alert type="success" showIcon title={t.asked} style={{ marginBottom: 16 }} data-testid="work-asked" />}
      <Ready query={query}>
        {({ items, mayRetry }) => {
          const shown = items.filter((job) => !only || job.state === 'dead' || job.state === 'failing')
          return (
            <section aria-label={t.title} data-testid="work-list">
              {shown.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={only && items.length > 0 ? t.allWell : t.none} />}
              <ul className="cards">
                {shown.map((job) => (
                  <li key={job.id}><Shown job={job} retry={mayRetry ? () => retry.mutate(job.id) : null} busy={retry.isPending && retry.variables === job.id} /></li>
                ))}
              </ul>
            </section>
          )
        }}
      </Ready>
    </>
  )
}

function Shown({ job, retry, busy }: { job: Job; retry: (() => void) | null; busy: boolean }) {
  const t = useText().work
  const message = job.id !== job.kind
  const can = message ? job.state === 'dead' : job.state !== 'running'
  const act = job.state === 'well' ? t.run : t.retry
  return (
    <div data-testid={`work-${job.kind}`} data-state={job.state}>
      <div className="row">
        <StateTag tone={tones[job.state]} text={t.states[job.state]} />
        {t.names[job.kind] && <strong>{t.names[job.kind]}</strong>}
        <span className="mono wrap quiet">{job.kind}</span>
        {job.object && <span className="mono wrap">{job.object}</span>}
        {retry && can && <Button size="small" loading={busy} onClick={retry} aria-label={`${act} ${job.kind} ${job.object ?? ''}`} data-testid={`work-retry-${job.kind}`} style={{ marginInlineStart: 'auto' }}>{act}</Button>}
      </div>
      <div className="quiet">
        {!message && <>{t.columns.lastOk} {job.lastOkAt ? moment(job.lastOkAt) : t.never}{' · '}</>}
        {job.nextAt && <>{t.columns.next} {moment(job.nextAt)}</>}
        {job.tries > 0 && <>{' · '}{t.columns.tries} {job.tries}</>}
      </div>
      {job.code && <div>{t.columns.error}{': '}{t.codes[job.code]}{job.error && <> <span className="mono wrap quiet">{job.error}</span></>}</div>}
    </div>
  )
}
