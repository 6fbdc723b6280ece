import { expect, test } from 'vitest'
import { parseYuan, yuan } from './money'

test.each([
  [20000, '¥200.00'],
  [0, '¥0.00'],
  [5, '¥0.05'],
  [123456789, '¥1,234,567.89'],
])('%i 分 reads %s', (cents, text) => expect(yuan(cents)).toBe(text))

test.each([
  ['200', 20000],
  ['200.0', 20000],
  ['¥1,234.56', 123456],
  [' 0.29 ', 29], // 0.29 * 100 is 28.999… as a float
  ['1.005', null],
  ['', null],
  ['-1', null],
  ['1e3', null],
  ['200元', null],
])('%s is %s 分', (text, cents) => expect(parseYuan(text)).toBe(cents))
