import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { isFinal, jobRefusal, type Job } from './job'
import { handOver } from './nearby'
import { cancelJob, jobQuery } from './queries'

/**
 * One action of the USB key: started, followed to its end, cancelled, started again.
 *
 * @param op what kind of job it is; a resumed one of another kind is none of ours
 * @param start makes the job; the server answers the running one when it was started before
 * @param resumeId a job that was running when the page was last closed
 */
export function useJobRun<Input>(op: Job['op'], start: (input: Input) => Promise<Job>, resumeId?: string) {
  const client = useQueryClient()
  const [id, setId] = useState(resumeId ?? '')
  if (resumeId && id === '') setId(resumeId) // kept from then on: the server forgets a job that has ended, the page says how it ended
  const query = useQuery({ ...jobQuery(id), enabled: id !== '' })
  const begin = useMutation({
    mutationFn: start,
    onSuccess: (job) => {
      client.setQueryData(jobQuery(job.id).queryKey, job)
      setId(job.id)
      void handOver(job)
    },
  })
  const cancel = useMutation({
    mutationFn: () => cancelJob(id),
    onSuccess: (job) => client.setQueryData(jobQuery(job.id).queryKey, job),
  })
  const job = query.data?.op === op ? query.data : undefined
  return {
    job,
    running: begin.isPending || (id !== '' && !!job && !isFinal(job)),
    done: job?.state === 'done',
    error: begin.error ?? cancel.error ?? (begin.isPending || !job ? query.error : jobRefusal(job)),
    run: (input: Input) => begin.mutate(input),
    cancel: () => cancel.mutate(),
    reset: () => {
      begin.reset()
      setId('')
    },
  }
}

export type JobRun = ReturnType<typeof useJobRun>
