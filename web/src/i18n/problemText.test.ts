import { beforeAll, expect, test } from 'vitest'
import type { RefusalCode } from '@/api/refusal'
import contract from '../../../api/openapi.yaml?raw'
import { en } from './errors.en-US'
import { zh } from './errors.zh-CN'
import { loadEnglish, problemText } from './problemText'

beforeAll(loadEnglish)

test('the number of tries left is said when it came, and left out when not', () => {
  expect(problemText('pin_wrong', { triesLeft: 3 }, 'zh-CN')).toBe('PIN 码不正确，还可再试 3 次；用完后 UKey 将被锁定。请确认后重试。')
  expect(problemText('pin_wrong', {}, 'zh-CN')).toBe('PIN 码不正确。请确认后重试。')
  expect(problemText('pin_wrong', { triesLeft: 0 }, 'en-US')).toContain('0 tries left')
})

test('a wait is said in seconds or minutes', () => {
  expect(problemText('sms_too_soon', { retryAfter: 33 }, 'zh-CN')).toContain('33 秒')
  expect(problemText('login_locked', { retryAfter: 890 }, 'zh-CN')).toContain('15 分钟')
  expect(problemText('login_locked', { retryAfter: 890 }, 'en-US')).toContain('15 min')
})

test('a moment is read as its day', () => {
  expect(problemText('renewal_too_early', { from: '2026-11-21T12:00:00Z' }, 'zh-CN')).toBe('还没有到延期时间，2026-11-21 起可以办理。')
  expect(problemText('applications_closed', { from: '2027-02-05', to: '2027-02-12', reason: '系统维护' }, 'zh-CN')).toContain('（2027-02-05 至 2027-02-12，系统维护）')
})

test('a code that is newer than this page reads as a fault, never as a bare code', () => {
  expect(problemText('of_tomorrow' as RefusalCode, {}, 'zh-CN')).toBe(zh.internal)
})

test('no text shows a placeholder, a bracket or nothing, with or without numbers', () => {
  for (const language of ['zh-CN', 'en-US'] as const) {
    for (const code of Object.keys(zh) as RefusalCode[]) {
      for (const params of [{}, { triesLeft: 2, retryAfter: 60, contactPhone: '400' }]) {
        const text = problemText(code, params, language)
        expect(text, code).not.toMatch(/[{}[\]]|undefined|NaN/)
        expect(text.length, code).toBeGreaterThan(4)
      }
    }
  }
})

test('English is English and Chinese is Chinese', () => {
  for (const code of Object.keys(zh) as RefusalCode[]) {
    expect(zh[code], code).toMatch(/[一-鿿]/)
    expect(en[code], code).not.toMatch(/[一-鿿]/)
  }
})

test('every code of the contract has its text', () => {
  const block = /ErrorCode:[\s\S]*?enum:\n((?:\s+- \w+\n)+)/.exec(contract)?.[1] ?? ''
  const codes = [...block.matchAll(/- (\w+)/g)].map((m) => m[1] ?? '')
  expect(codes.length).toBeGreaterThan(60)
  expect(codes.filter((code) => !(code in zh) || !(code in en))).toEqual([])
})
