import type { Job } from '@/agent/job'
import type { Schema } from '@/api/client'

type Application = Schema<'Application'>

/** The numbered steps of 延期, and the three ends that are no step. */
export const steps = ['risk', 'agent', 'key', 'sign', 'write'] as const
export type Step = (typeof steps)[number]
export type Place = Step | 'done' | 'withdrawn' | 'failed'

export interface Facts {
  application: Pick<Application, 'state'>
  /** 继续 was pressed below the risk notice. */
  accepted: boolean
  online: boolean
  serial: string
  running: boolean
}

/**
 * Where the person is. It is read off the facts each time, so a reload, a pulled key and a restarted
 * assistant all come back to the right place; the page keeps no position of its own.
 */
export function placeOf({ application, accepted, online, serial, running }: Facts): Place {
  if (application.state === 'completed') return 'done'
  if (application.state === 'withdrawn' || application.state === 'failed') return application.state
  const act: Step = application.state === 'draft' ? 'sign' : 'write'
  if (running) return act
  if (act === 'sign' && !accepted) return 'risk'
  if (!online) return 'agent'
  return serial ? act : 'key'
}

export const writeSteps = ['generate', 'request', 'issue', 'write', 'verify'] as const

/** How many of the five writing steps are behind us. */
export function written(application: Pick<Application, 'state' | 'enrolment'>, job: Pick<Job, 'state' | 'step'> | undefined): number {
  const proof = application.enrolment?.proof
  if (application.state === 'completed' || application.enrolment?.state === 'done' || job?.state === 'done') return 5
  if (application.enrolment?.state === 'proved' || job?.step === 'proof') return proof ? 5 : 4
  if (application.enrolment?.state === 'issued' || job?.step === 'csr') return 3
  return 0
}

const open: readonly Application['state'][] = ['draft', 'consented', 'ready', 'enrolling']

/** May it still be withdrawn: only before a certificate was issued. */
export const withdrawable = (state: Application['state']) => open.includes(state)

/** The key that holds a half-written pair; from the moment of issue no other will do. Nil/zero: "" while any key may be chosen. */
export function begunSerial(application: Pick<Application, 'enrolment'>): string {
  const { enrolment } = application
  return enrolment && enrolment.state !== 'created' ? (enrolment.tokenSerial ?? '') : ''
}

/** The key to suggest: the one that holds the certificate in question; when writing has begun, only the one it began on. */
export function suggestedSerial(application: Pick<Application, 'serialHex' | 'enrolment'>, keys: readonly Schema<'TokenKey'>[]): string {
  const begun = begunSerial(application)
  if (begun) return keys.some((key) => key.serial === begun) ? begun : ''
  const holding = keys.filter((key) => key.objects.some((object) => object.serialHex !== undefined && object.serialHex === application.serialHex))
  return holding.length === 1 ? (holding[0]?.serial ?? '') : ''
}
