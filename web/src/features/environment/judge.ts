import type { Permission } from '@/agent/loopback'
import type { Tone } from '@/ui/StateTag'

/** What the page found out. Nil/zero: null = not known yet, or not asked because nobody is logged in. */
export interface Facts {
  reached: boolean | null
  /** How far this computer's clock is ahead of the portal's, in seconds. */
  clockAhead: number | null
  permission: Permission | null
  signedIn: boolean
  paired: number | null
  online: number
  /** Which way jobs go; the reason when it is the relay. */
  way: 'loopback' | 'relay' | null
  reason: string
  agentVersion: string
  portalVersion: string
  /** The newest release of the assistant that the portal offers; '' when it offers none. */
  agentRelease: string
  /** The list job: null while it runs. */
  keys: { count: number; locked: number; uninitialised: number } | null
  keysFailed: string
}

export const names = ['network', 'clock', 'agent', 'version', 'permission', 'driver', 'key'] as const
export type Name = (typeof names)[number]

/** A line of the report: which state, as a key of the texts. */
export type Verdict =
  | 'checking' | 'fine' | 'unreachable' | 'clockOff' | 'signIn' | 'notPaired' | 'offline' | 'otherVersion' | 'newRelease' | 'relayOnly'
  | 'denied' | 'ask' | 'notNeeded' | 'noAnswer' | 'driverFailed' | 'noKey' | 'locked' | 'uninitialised' | 'waitsForAgent'

const maxClockOff = 30 // seconds; as ukeyd doctor has it

/** Each line for itself: a person fixes one thing at a time, from the top. */
export function judge(facts: Facts): Record<Name, Verdict> {
  return {
    network: facts.reached === null ? 'checking' : facts.reached ? 'fine' : 'unreachable',
    clock: facts.clockAhead === null ? (facts.reached === false ? 'unreachable' : 'checking') : Math.abs(facts.clockAhead) > maxClockOff ? 'clockOff' : 'fine',
    agent: agent(facts),
    version: version(facts),
    permission: permission(facts),
    driver: needsAgent(facts) ?? (facts.keysFailed ? 'driverFailed' : facts.keys ? 'fine' : 'checking'),
    key: needsAgent(facts) ?? key(facts),
  }
}

function agent({ signedIn, paired, online, way }: Facts): Verdict {
  if (!signedIn) return 'signIn'
  if (way === 'loopback' || online > 0) return 'fine'
  if (paired === null) return 'checking'
  return paired === 0 ? 'notPaired' : 'offline'
}

function needsAgent(facts: Facts): Verdict | null {
  const state = agent(facts)
  return state === 'fine' ? null : state === 'checking' || state === 'signIn' ? state : 'waitsForAgent'
}

function version(facts: Facts): Verdict {
  const waits = needsAgent(facts)
  if (waits) return waits
  if (facts.agentRelease) return facts.agentVersion && facts.agentVersion !== facts.agentRelease ? 'newRelease' : 'fine'
  return facts.agentVersion && facts.portalVersion && facts.agentVersion !== facts.portalVersion ? 'otherVersion' : 'fine'
}

/** Without it jobs go by the portal, so nothing here is an error. */
function permission({ permission: state, way, reason, signedIn }: Facts): Verdict {
  if (state === null) return 'checking'
  if (way === 'loopback') return 'fine'
  if (state === 'denied') return 'denied'
  if (state === 'prompt' && reason === '') return signedIn ? 'ask' : 'signIn'
  if (way === 'relay') return reason === 'absent' ? 'noAnswer' : 'relayOnly'
  return state === 'unknown' ? 'notNeeded' : 'fine'
}

function key({ keys, keysFailed }: Facts): Verdict {
  if (keysFailed) return 'driverFailed'
  if (!keys) return 'checking'
  if (keys.count === 0) return 'noKey'
  if (keys.locked === keys.count) return 'locked'
  return keys.uninitialised === keys.count ? 'uninitialised' : 'fine'
}

export const tones: Record<Verdict, Tone> = {
  checking: 'busy', fine: 'good', unreachable: 'bad', clockOff: 'bad', signIn: 'quiet', notPaired: 'bad', offline: 'bad', otherVersion: 'soon', newRelease: 'soon', relayOnly: 'soon',
  denied: 'soon', ask: 'soon', notNeeded: 'good', noAnswer: 'soon', driverFailed: 'bad', noKey: 'bad', locked: 'bad', uninitialised: 'bad', waitsForAgent: 'quiet',
}
