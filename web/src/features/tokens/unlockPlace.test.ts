import { expect, test } from 'vitest'
import { isStep, placeOf, steps, type Facts } from './unlockPlace'

const facts = (state: Facts['state'], over: Partial<Facts> = {}): Facts => ({ state, online: true, plugged: true, running: false, ...over })

test('the way of one who is never interrupted', () => {
  expect(placeOf(facts('pending', { online: false, plugged: false }))).toBe('review')
  expect(placeOf(facts('approved', { online: false, plugged: false }))).toBe('agent')
  expect(placeOf(facts('approved', { plugged: false }))).toBe('key')
  expect(placeOf(facts('approved'))).toBe('act')
  expect(placeOf(facts('approved', { running: true }))).toBe('act')
  expect(placeOf(facts('done'))).toBe('done')
})

test('a key pulled out or an assistant that blinks while a job runs throws nobody back; afterwards it does', () => {
  expect(placeOf(facts('approved', { online: false, plugged: false, running: true }))).toBe('act')
  expect(placeOf(facts('approved', { plugged: false }))).toBe('key')
})

test('ends are ends, whatever is plugged in, and are no numbered step', () => {
  for (const state of ['rejected', 'withdrawn', 'expired', 'parked'] as const) {
    for (const running of [true, false]) expect(placeOf(facts(state, { running }))).toBe(state)
    expect(isStep(state)).toBe(false)
  }
  expect(steps.every(isStep)).toBe(true)
})
