import { expect, test } from 'vitest'
import { derFrom, fromBase64, toBase64 } from './bytes'

const bytesOf = (text: string) => new TextEncoder().encode(text)

test('base64 there and back, also for a megabyte', () => {
  const bytes = Uint8Array.from({ length: 1_000_003 }, (_, i) => (i * 31) & 0xff)
  const back = fromBase64(toBase64(bytes)) ?? new Uint8Array()
  expect(back.length).toBe(bytes.length)
  expect(bytes.every((byte, i) => byte === back[i])).toBe(true)
})

test('DER is found in DER, PEM and base64 text', () => {
  const der = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x05)
  const text = toBase64(der)
  expect(derFrom(der)).toEqual(der)
  expect(derFrom(bytesOf(`-----BEGIN PKCS7-----\n${text}\n-----END PKCS7-----\n`))).toEqual(der)
  expect(derFrom(bytesOf(`${text.slice(0, 4)}\r\n${text.slice(4)}`))).toEqual(der)
})

test('what is neither gives null', () => {
  expect(derFrom(new Uint8Array())).toBeNull()
  expect(derFrom(bytesOf('这不是签名'))).toBeNull()
})
