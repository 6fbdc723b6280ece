import { afterEach, expect, test, vi } from 'vitest'
import { learnServerTime, secondsUntil, serverNow } from './clock'

afterEach(() => {
  vi.useRealTimers()
  learnServerTime(new Date().toISOString())
})

test('the countdown is by the server’s clock, whatever the PC says', () => {
  vi.useFakeTimers({ now: Date.parse('2030-01-01T08:00:00Z') }) // a PC years ahead
  learnServerTime('2026-03-01T10:00:27Z')
  const resendAt = '2026-03-01T10:01:00Z'
  expect(secondsUntil(resendAt, serverNow())).toBe(33)
  vi.advanceTimersByTime(32_400)
  expect(secondsUntil(resendAt, serverNow())).toBe(1)
  vi.advanceTimersByTime(700)
  expect(secondsUntil(resendAt, serverNow())).toBe(0)
})

test('a reload gives the same rest: only the moment matters', () => {
  const now = Date.parse('2026-03-01T10:00:10Z')
  expect(secondsUntil('2026-03-01T10:01:00Z', now)).toBe(50)
  expect(secondsUntil('2026-03-01T10:01:00Z', now + 20_000)).toBe(30)
})

test('no moment, a past one and nonsense are zero', () => {
  expect(secondsUntil(undefined, 0)).toBe(0)
  expect(secondsUntil('2020-01-01T00:00:00Z', Date.now())).toBe(0)
  expect(secondsUntil('soon', Date.now())).toBe(0)
})

test('a malformed server time is not learnt', () => {
  learnServerTime('2026-03-01T10:00:00Z', Date.parse('2026-03-01T10:00:05Z'))
  const before = serverNow() - Date.now()
  learnServerTime('yesterday')
  learnServerTime(undefined)
  expect(Math.abs(serverNow() - Date.now() - before)).toBeLessThan(50)
})
