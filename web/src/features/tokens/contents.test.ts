import { expect, test } from 'vitest'
import { byCertificate, type KeyObject } from './contents'

const object = (id: string, usage: KeyObject['usage'], more: Partial<KeyObject> = {}): KeyObject => ({ id, usage, spkiHash: id, ...more })

test('keys stand with their certificate: in use, history, others', () => {
  const groups = byCertificate([
    object('f', 'sign'),
    object('e0', 'encrypt', { certificateId: 'old', certificateName: '擎洲', serialHex: '02', history: true }),
    object('s0', 'sign', { certificateId: 'old', certificateName: '擎洲', serialHex: '01', history: true }),
    object('s1', 'sign', { certificateId: 'new', certificateName: '擎洲', serialHex: '03' }),
    object('e1', 'encrypt', { certificateId: 'new', certificateName: '擎洲', serialHex: '04' }),
  ])
  expect(groups.map((g) => [g.mine, g.history, g.serialHex, g.objects.map((o) => o.id)])).toEqual([
    [true, false, '03', ['s1', 'e1']],
    [true, true, '01', ['s0', 'e0']],
    [false, false, undefined, ['f']],
  ])
})

test('a key that is about to be certified is in use', () => {
  expect(byCertificate([object('s', 'sign', { history: false })])).toMatchObject([{ mine: true, history: false }])
})
