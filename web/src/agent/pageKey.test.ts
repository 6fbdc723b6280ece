import { expect, test } from 'vitest'
import { fromBase64, toBase64 } from '@/lib/bytes'
import { PageKey } from './pageKey'
import vector from './testdata/sealed-to-page.json'

const curve = { name: 'ECDH', namedCurve: 'P-256' }

async function keyOfVector(): Promise<PageKey> {
  const { d, ...point } = vector.jwk
  const privateKey = await crypto.subtle.importKey('jwk', { ...point, d }, curve, false, ['deriveBits'])
  const publicKey = await crypto.subtle.importKey('jwk', point, curve, true, [])
  return PageKey.of({ privateKey, publicKey })
}

const altered = (text: string, at: number) => {
  const bytes = fromBase64(text) ?? new Uint8Array()
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return toBase64(bytes)
}

test('opens what the agent’s own code has sealed', async () => {
  const key = await keyOfVector()
  expect(new TextDecoder().decode(await key.open(vector.outcome))).toBe(vector.plain)
})

test('refuses what was altered, sealed for another page, or incomplete', async () => {
  const key = await keyOfVector()
  const { outcome } = vector
  await expect(key.open({ ...outcome, ciphertext: altered(outcome.ciphertext, 0) })).rejects.toThrow()
  await expect(key.open({ ...outcome, nonce: altered(outcome.nonce, 3) })).rejects.toThrow()
  await expect(key.open({ ...outcome, ephemeral: altered(outcome.ephemeral, 40) })).rejects.toThrow()
  await expect((await PageKey.make()).open(outcome)).rejects.toThrow()
  await expect(key.open({ ephemeral: outcome.ephemeral, nonce: outcome.nonce })).rejects.toThrow('incomplete')
})

test('the point it gives is uncompressed P-256, and new for every page', async () => {
  const [a, b] = await Promise.all([PageKey.make(), PageKey.make()])
  const point = fromBase64(a.point) ?? new Uint8Array()
  expect([point.length, point[0]]).toEqual([65, 4])
  expect(a.point).not.toBe(b.point)
})
