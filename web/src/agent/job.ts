import type { Schema } from '@/api/client'
import { Refusal } from '@/api/refusal'

export type Job = Schema<'Job'>
export type TokenKey = Schema<'TokenKey'>
export type Agent = Schema<'Agent'>

/** Nothing more will happen to it. */
export const isFinal = (job: Job) => job.state !== 'waiting' && job.state !== 'taken'

/** Why a job ended badly, or null when it runs or went well. */
export function jobRefusal(job: Job): Refusal | null {
  if (!isFinal(job) || job.state === 'done') return null
  if (job.problem) {
    const code = job.problem.code === 'conflict' ? 'key_in_use' : job.problem.code
    return new Refusal(code, 0, job.id, { triesLeft: job.problem.triesLeft })
  }
  return new Refusal(job.state === 'cancelled' ? 'pin_cancelled' : job.state === 'expired' ? 'job_expired' : 'internal', 0, job.id)
}

export type UKeyState = 'no-agent' | 'no-key' | 'ready' | 'busy' | 'locked'

/** The one word for what can be done with the USB key now. */
export function ukeyState(facts: { online: boolean; listing: boolean; running: boolean; keys: readonly TokenKey[] | undefined }): UKeyState {
  if (!facts.online) return 'no-agent'
  if (facts.running || (facts.listing && !facts.keys)) return 'busy'
  if (!facts.keys || facts.keys.length === 0) return 'no-key'
  return facts.keys.every((key) => key.pinLocked) ? 'locked' : 'ready'
}
