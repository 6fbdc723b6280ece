import { expect, test } from 'vitest'
import { toBase64 } from '@/lib/bytes'
import { emptyDraft, requestOf } from './request'

const der = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x05)
const file = (bytes: Uint8Array<ArrayBuffer>) => ({ name: 'f', bytes })

test('nothing readable makes no call', () => {
  expect(requestOf(emptyDraft)).toBeNull()
  expect(requestOf({ ...emptyDraft, pasted: '不是签名' })).toBeNull()
})

test('a .p7s with its content; empty conditions are not sent', () => {
  const content = new TextEncoder().encode('投标文件')
  expect(requestOf({ ...emptyDraft, signature: file(der), content: file(content) })).toEqual({
    type: 'cms', signature: toBase64(der), content: toBase64(content),
  })
})

test('a bare r‖s goes as it is, with certificate, encoding and conditions', () => {
  const rs = new Uint8Array(64).fill(7)
  expect(requestOf({ ...emptyDraft, type: 'raw', signature: file(rs), certificate: file(der), format: 'rs', uid: ' 1234567812345678 ', organisation: '91330000X', at: '2026-03-01T10:00:00Z' })).toEqual({
    type: 'raw', signature: toBase64(rs), certificate: toBase64(der), signatureFormat: 'rs', uid: '1234567812345678', requireOrganisation: '91330000X', at: '2026-03-01T10:00:00Z',
  })
})
