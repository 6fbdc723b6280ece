import { expect, test } from 'vitest'
import { jobRefusal, ukeyState, type Job, type TokenKey } from './job'

const job = (over: Partial<Job>): Job => ({
  id: 'job_1', op: 'sign', state: 'waiting', revision: 1, createdAt: '2026-01-01T00:00:00Z', expiresAt: '2026-01-01T00:10:00Z', ...over,
})
const key = (over: Partial<TokenKey> = {}): TokenKey => ({ serial: 'A', label: 'A', simulated: true, pinLocked: false, objects: [], ...over })

test('a running or a finished job is no refusal', () => {
  expect(jobRefusal(job({}))).toBeNull()
  expect(jobRefusal(job({ state: 'taken' }))).toBeNull()
  expect(jobRefusal(job({ state: 'done' }))).toBeNull()
})

test('a failed job says why, with the tries left', () => {
  const refusal = jobRefusal(job({ state: 'failed', problem: { code: 'pin_wrong', triesLeft: 3 } }))
  expect(refusal?.code).toBe('pin_wrong')
  expect(refusal?.params.triesLeft).toBe(3)
  expect(jobRefusal(job({ state: 'failed', problem: { code: 'conflict' } }))?.code).toBe('key_in_use')
  expect(jobRefusal(job({ state: 'expired' }))?.code).toBe('job_expired')
  expect(jobRefusal(job({ state: 'cancelled' }))?.code).toBe('pin_cancelled')
  expect(jobRefusal(job({ state: 'failed' }))?.code).toBe('internal')
})

test.each([
  [{ online: false, listing: false, running: false, keys: [key()] }, 'no-agent'],
  [{ online: true, listing: true, running: false, keys: undefined }, 'busy'],
  [{ online: true, listing: false, running: true, keys: [key()] }, 'busy'],
  [{ online: true, listing: true, running: false, keys: [key()] }, 'ready'], // looking again hides nothing
  [{ online: true, listing: false, running: false, keys: [] }, 'no-key'],
  [{ online: true, listing: false, running: false, keys: undefined }, 'no-key'],
  [{ online: true, listing: false, running: false, keys: [key({ pinLocked: true })] }, 'locked'],
  [{ online: true, listing: false, running: false, keys: [key({ pinLocked: true }), key()] }, 'ready'],
])('%o is %s', (facts, state) => expect(ukeyState(facts)).toBe(state))
