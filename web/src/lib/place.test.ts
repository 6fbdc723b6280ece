import { expect, test } from 'vitest'
import { backFrom } from './place'

test.each([
  [{ back: '/account/orders/ord_1?page=2' }, '/account/orders/ord_1?page=2'],
  [{ back: '/tools/sign' }, '/tools/sign'],
  [{ back: '/join#AAECAwQFBgcICQoLDA0ODw' }, '/join#AAECAwQFBgcICQoLDA0ODw'],
  [{ back: '/join#/../x' }, null],
  [{ back: '//evil.example/account/' }, null],
  [{ back: 'https://evil.example/account/' }, null],
  [{ back: '/accounting' }, null],
  [{ back: 3 }, null],
  [null, null],
])('%o leads back to %s', (state, back) => expect(backFrom(state)).toBe(back))
