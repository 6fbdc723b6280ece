import dayjs from 'dayjs'
import { expect, test } from 'vitest'
import { promised } from './time'

test('a promised moment carries its weekday', () => {
  const at = dayjs('2025-01-08T18:00:00').toISOString()
  expect(promised(at, 'zh-CN')).toBe('1月8日（周三）18:00')
  expect(promised(at, 'en-US')).toBe('Wed 8 Jan 18:00')
  expect(promised(undefined, 'zh-CN')).toBe('—')
})
