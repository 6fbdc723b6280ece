import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import type { Schema } from '@/api/client'
import { applicationQuery, signConsent, startEnrolment } from './queries'
import { begunSerial, placeOf } from './wizard'

type Application = Schema<'Application'>

/** Everything the wizard knows: application, job, assistant, chosen key; and from these the place it is at. */
export function useRenewal(application: Application) {
  const kept = useKept(application.id)
  const consent = useJobRun('sign', signConsent(application.id), application.state === 'draft' ? application.activeJobId : undefined)
  const enrolment = useJobRun('enrol', startEnrolment(application.id), application.state === 'draft' ? undefined : application.activeJobId)
  const run = application.state === 'draft' ? consent : enrolment
  // A job that has gone well moves the application a moment later; until then it counts as running.
  const running = run.running || (run.done && application.state !== 'completed')
  const ukey = useUKey({ running })
  const serial = begunSerial(application) || kept.serial
  useFollow(application.id, run.job?.revision, running)
  const place = placeOf({ application, accepted: kept.accepted, online: ukey.agent !== undefined, serial, running })
  const act = () => run.run({ tokenSerial: serial, ...(ukey.agent ? { agentId: ukey.agent.id } : {}) })
  return { ...kept, place, run: { ...run, running }, ukey, serial, act }
}

export type Renewal = ReturnType<typeof useRenewal>

/** The two choices the server does not know, kept for a reload of this tab. */
function useKept(id: string) {
  const key = `signet.renewal.${id}`
  const [kept, setKept] = useState(() => readKept(sessionStorage.getItem(key)))
  useEffect(() => sessionStorage.setItem(key, JSON.stringify(kept)), [key, kept])
  return {
    ...kept,
    accept: () => setKept((old) => ({ ...old, accepted: true })),
    choose: (serial: string) => setKept((old) => ({ ...old, serial })),
  }
}

function readKept(text: string | null): { accepted: boolean; serial: string } {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    if (typeof value !== 'object' || value === null) return { accepted: false, serial: '' }
    const serial = 'serial' in value && typeof value.serial === 'string' ? value.serial : ''
    return { accepted: 'accepted' in value && value.accepted === true, serial }
  } catch {
    return { accepted: false, serial: '' }
  }
}

/** The application changes behind the job's back: looked at on every revision, and each two seconds meanwhile. */
function useFollow(id: string, revision: number | undefined, moving: boolean) {
  const client = useQueryClient()
  useQuery({ ...applicationQuery(id), refetchInterval: moving ? 2_000 : false, refetchIntervalInBackground: true })
  useEffect(() => {
    if (revision !== undefined) void client.invalidateQueries({ queryKey: ['applications'] })
  }, [client, revision])
}
