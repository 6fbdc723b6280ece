import { expect, test } from 'vitest'
import { urgencyOf, workdays, workingTime } from './worktime'

const hour = 3_600_000
const at = (text: string) => Date.parse(`${text}+08:00`)
const none = workdays([])

test('only office hours count, in China', () => {
  expect(workingTime(at('2026-11-23T10:00:00'), at('2026-11-23T12:00:00'), none)).toBe(2 * hour)
  expect(workingTime(at('2026-11-23T20:00:00'), at('2026-11-24T08:00:00'), none)).toBe(0)
  expect(workingTime(at('2026-11-23T17:00:00'), at('2026-11-24T10:00:00'), none)).toBe(2 * hour)
  expect(workingTime(at('2026-11-24T10:00:00'), at('2026-11-23T10:00:00'), none)).toBe(0)
})

test('weekends stand still, holidays too, and a shifted Sunday counts', () => {
  expect(workingTime(at('2026-11-20T17:00:00'), at('2026-11-23T10:00:00'), none)).toBe(2 * hour) // Friday to Monday
  const special = workdays([{ date: '2026-11-23', working: false, name: '假' }, { date: '2026-11-22', working: true, name: '调休' }])
  expect(workingTime(at('2026-11-20T17:00:00'), at('2026-11-24T10:00:00'), special)).toBe((1 + 9 + 1) * hour)
})

test('amber under four hours, red when late', () => {
  expect(urgencyOf(4 * hour, false)).toBe('calm')
  expect(urgencyOf(4 * hour - 1, false)).toBe('soon')
  expect(urgencyOf(0, true)).toBe('late')
})
