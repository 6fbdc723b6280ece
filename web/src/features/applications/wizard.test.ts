import { expect, test } from 'vitest'
import { begunSerial, placeOf, steps, suggestedSerial, withdrawable, written, type Facts } from './wizard'

const facts = (state: Facts['application']['state'], over: Partial<Facts> = {}): Facts => ({
  application: { state }, accepted: true, online: true, serial: 'A', running: false, ...over,
})

test('the way of one who is never interrupted', () => {
  expect(steps.length).toBeLessThanOrEqual(5)
  expect(placeOf(facts('draft', { accepted: false, online: false, serial: '' }))).toBe('risk')
  expect(placeOf(facts('draft', { online: false, serial: '' }))).toBe('agent')
  expect(placeOf(facts('draft', { serial: '' }))).toBe('key')
  expect(placeOf(facts('draft'))).toBe('sign')
  expect(placeOf(facts('draft', { running: true }))).toBe('sign')
  expect(placeOf(facts('consented'))).toBe('write')
  expect(placeOf(facts('ready'))).toBe('write')
  expect(placeOf(facts('enrolling', { running: true }))).toBe('write')
  expect(placeOf(facts('issued', { running: true }))).toBe('write')
  expect(placeOf(facts('completed'))).toBe('done')
})

test('an interrupted writing comes back to what is missing, never to the risk notice', () => {
  const fresh = { accepted: false, serial: '' } // another browser knows neither
  expect(placeOf(facts('issued', { ...fresh, online: false }))).toBe('agent')
  expect(placeOf(facts('issued', fresh))).toBe('key')
  expect(placeOf(facts('issued', { accepted: false }))).toBe('write')
})

test('an assistant that blinks while a job runs does not throw the person back', () => {
  expect(placeOf(facts('draft', { online: false, running: true }))).toBe('sign')
  expect(placeOf(facts('enrolling', { online: false, running: true }))).toBe('write')
})

test('ends are ends, whatever else is so', () => {
  for (const online of [true, false]) {
    expect(placeOf(facts('completed', { online, running: true }))).toBe('done')
    expect(placeOf(facts('withdrawn', { online }))).toBe('withdrawn')
    expect(placeOf(facts('failed', { online }))).toBe('failed')
  }
})

test('the five writing steps follow job and enrolment, whichever knows more', () => {
  const enrolment = (state: 'created' | 'issued' | 'proved' | 'done') => ({ state: 'enrolling' as const, enrolment: { id: 'e', state } })
  expect(written({ state: 'ready' }, undefined)).toBe(0)
  expect(written(enrolment('created'), { state: 'taken' })).toBe(0)
  expect(written(enrolment('created'), { state: 'taken', step: 'csr' })).toBe(3)
  expect(written(enrolment('issued'), { state: 'waiting' })).toBe(3)
  expect(written(enrolment('issued'), { state: 'taken', step: 'proof' })).toBe(4)
  expect(written(enrolment('done'), undefined)).toBe(5)
  expect(written({ state: 'completed' }, undefined)).toBe(5)
})

test('withdrawing ends where issuing begins', () => {
  const states = ['draft', 'consented', 'ready', 'enrolling', 'issued', 'completed', 'withdrawn', 'failed'] as const
  expect(states.filter(withdrawable)).toEqual(['draft', 'consented', 'ready', 'enrolling'])
})

test('the key that holds the certificate is suggested; after the issue only the one it began on', () => {
  const key = (serial: string, serialHex: string) => ({
    serial, label: serial, simulated: true, pinLocked: false, objects: [{ id: '1', usage: 'sign' as const, spkiHash: serial, serialHex }],
  })
  const keys = [key('blank', ''), key('mine', '74C2008800000AE9')]
  const certificate = { serialHex: '74C2008800000AE9' }
  expect(suggestedSerial(certificate, keys)).toBe('mine')
  expect(suggestedSerial(certificate, keys.slice(0, 1))).toBe('')
  expect(suggestedSerial(certificate, [...keys, key('copy', '74C2008800000AE9')])).toBe('') // two: the person decides
  const begun = { ...certificate, enrolment: { id: 'e', state: 'issued' as const, tokenSerial: 'blank' } }
  expect(suggestedSerial(begun, keys)).toBe('blank')
  expect(suggestedSerial(begun, keys.slice(1))).toBe('')
  expect(begunSerial({ enrolment: { id: 'e', state: 'created', tokenSerial: 'blank' } })).toBe('')
})
