import type { Work } from './queries'

/** The numbered steps of 解锁. */
export const steps = ['review', 'agent', 'key', 'act', 'done'] as const
export type Step = (typeof steps)[number]
export type Place = Step | 'rejected' | 'withdrawn' | 'expired' | 'parked'

export interface Facts {
  state: Work['state']
  online: boolean
  plugged: boolean
  running: boolean
}

/** Where the person is, read off the facts each time: a reload, a pulled key, a restarted assistant all come back to the right place. */
export function placeOf({ state, online, plugged, running }: Facts): Place {
  if (state === 'pending') return 'review'
  if (state !== 'approved') return state
  if (running) return 'act'
  if (!online) return 'agent'
  return plugged ? 'act' : 'key'
}

export const isStep = (place: Place): place is Step => steps.some((step) => step === place)

const keyOf = (certificateId: string) => `signet.unlock.${certificateId}`

/** The application this browser last opened for a certificate, so that 解锁 leads back to it instead of asking for another code. */
export const lastUnlock = {
  read: (certificateId: string) => localStorage.getItem(keyOf(certificateId)) ?? '',
  keep: (certificateId: string, id: string) => localStorage.setItem(keyOf(certificateId), id),
}
