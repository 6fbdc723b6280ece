import { expect, test } from 'vitest'
import { scorePassword } from './password'

// Source: S000-15 – test 7/8/20/21 characters and 2/3/4 classes.
test.each([
  ['Abcde1!', false], // 7
  ['Abcdef1!', true], // 8, four classes
  ['abcdef1!', true], // three classes
  ['abcdefg1', false], // two classes
  ['timevale123', false], // the batch's initial password
  [`Ab1${'x'.repeat(17)}`, true], // 20
  [`Ab1${'x'.repeat(18)}`, false], // 21
  ['密码密码Aa11', true], // other letters count as special
])('%s → %s', (password, ok) => expect(scorePassword(password).ok).toBe(ok))
