import { expect, test } from 'vitest'
import { cleaned, fieldsOf, formOpen, missing, stageOf, stepsOf, unanswered } from './course'
import type { Application, Kind } from './queries'

const kinds: readonly Kind[] = ['new', 'renew', 'change_name', 'change_legal', 'change_handler', 'replace', 'revoke', 'suspend', 'resume']
const states: readonly Application['state'][] = [
  'draft', 'pending', 'reviewing', 'returned', 'second', 'rejected', 'paying', 'consented', 'ready', 'shipping', 'shipped', 'received', 'enrolling', 'issued', 'completed', 'withdrawn', 'failed',
]

test('a course has at most five steps and ends with the act', () => {
  for (const kind of kinds) {
    const steps = stepsOf(kind)
    expect(steps.length, kind).toBeLessThanOrEqual(5)
    expect(steps.slice(-2), kind).toEqual(['confirm', 'act'])
  }
  expect(stepsOf('change_name')).toEqual(['risk', 'form', 'materials', 'confirm', 'act'])
  expect(stepsOf('renew')).toEqual(['risk', 'form', 'materials', 'confirm', 'act'])
  expect(stepsOf('resume')).toEqual(['confirm', 'act'])
  expect(stepsOf('change_handler')).not.toContain('materials')
  expect(stepsOf('change_handler', { oldPhoneLost: true })).toContain('materials')
})

test('a step with fields is a step of the course, and the other way round', () => {
  for (const kind of kinds) expect(fieldsOf(kind, {}).length > 0, kind).toBe(stepsOf(kind).includes('form'))
})

test('answers to what the project asks are sent in its order, trimmed, without the empty and those not asked any more', () => {
  const asked = [{ key: 'grade', zh: '资质等级', type: 'choice' as const, required: true }, { key: 'capital', zh: '注册资本', type: 'number' as const, required: false }]
  const form = { legalRep: '王五', extra: [{ key: 'capital', value: ' 500 ' }, { key: 'gone', value: 'x' }, { key: 'grade', value: ' ' }] }
  expect(cleaned('change_legal', form, asked)).toEqual({ legalRep: '王五', extra: [{ key: 'capital', value: '500' }] })
  expect(unanswered(asked, form)).toEqual(['grade'])
})

test('every state has a stage', () => {
  expect(states.map((state) => stageOf({ state, acts: [] }))).toEqual([
    'edit', 'review', 'review', 'edit', 'review', 'end', 'pay', 'write', 'write', 'parcel', 'parcel', 'parcel', 'write', 'write', 'end', 'end', 'end',
  ])
})

test('a received key is written, not waited for', () => {
  expect(stageOf({ state: 'received', acts: ['enrol'] })).toBe('write')
})

test('what is missing is named: the name, and where a lost key’s certificate goes', () => {
  expect(missing('change_name', {})).toEqual(['name'])
  expect(missing('change_name', { name: '金华测试有限公司' })).toEqual([])
  expect(missing('renew', {})).toEqual([])
  expect(missing('renew', { cause: 'lost' })).toEqual(['delivery'])
  expect(missing('replace', { cause: 'lost' })).toEqual(['delivery'])
  expect(missing('replace', { cause: 'lost', delivery: 'own' })).toEqual([])
  expect(missing('change_handler', { handlerName: '王五', handlerPhone: '13800000000' })).toEqual([])
})

test('what is not shown is not sent', () => {
  expect(cleaned('replace', { cause: 'lost', delivery: 'own', legalRep: '王五', reason: '  ' })).toEqual({ cause: 'lost', delivery: 'own' })
  expect(cleaned('change_legal', { legalRep: ' 王五 ' })).toEqual({ legalRep: '王五' })
})

test('a returned form is open only when more than files was wrong', () => {
  expect(formOpen({ state: 'draft' })).toBe(true)
  expect(formOpen({ state: 'returned', reasons: ['material_unclear', 'stamp_missing'] })).toBe(false)
  expect(formOpen({ state: 'returned', reasons: ['material_unclear', 'data_mismatch'] })).toBe(true)
  expect(formOpen({ state: 'pending', reasons: [] })).toBe(false)
})
