import type { Schema } from '@/api/client'

export type KeyObject = Schema<'TokenObject'>

/** The keys on a USB key that belong to one certificate, or, without one, to nobody we know. */
export interface KeyGroup {
  id: string
  mine: boolean
  /** No certificate of any of these keys is in force: they may be deleted. */
  history: boolean
  title: string
  serialHex: string | undefined
  notAfter: string | undefined
  objects: KeyObject[]
}

/**
 * Keys by certificate: those in use first, then history, then others'. A key that was certified again is with its newest certificate; an
 * earlier signing key stands alone.
 */
export function byCertificate(objects: readonly KeyObject[]): KeyGroup[] {
  const groups = new Map<string, KeyGroup>()
  for (const o of objects) {
    const mine = o.history !== undefined || o.certificateId !== undefined
    const history = o.history === true
    const id = mine ? `${o.certificateId ?? ''} ${history}` : ''
    const group = groups.get(id) ?? { id, mine, history, title: '', serialHex: undefined, notAfter: undefined, objects: [] }
    group.title ||= o.certificateName ?? ''
    if (!group.serialHex || o.usage === 'sign') [group.serialHex, group.notAfter] = [o.serialHex, o.notAfter]
    group.objects.push(o)
    groups.set(id, group)
  }
  const rank = (g: KeyGroup) => (g.mine ? (g.history ? 1 : 0) : 2)
  for (const group of groups.values()) group.objects.sort((a, b) => b.usage.localeCompare(a.usage)) // sign, encrypt
  return [...groups.values()].sort((a, b) => rank(a) - rank(b))
}
