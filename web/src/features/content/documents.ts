import type { Schema } from '@/api/client'

export type Kind = Schema<'ContentKind'>
export type Item = Schema<'ContentItem'>
export type Change = Schema<'ContentChange'>

export const kinds: Kind[] = ['project', 'holidays', 'notice', 'agreement']

export interface Download { title: string; url: string }
export interface Price { kind: string; termMonths: number; priceCents: number }
export interface Policy { kind: string; steps: number; workingDays: number; payFirst: boolean }
export interface Material { type: string; required: boolean; when?: string; most?: number }
export interface Asked { key: string; zh: string; en: string; type: string; required: boolean; most?: number; helpZh: string; helpEn: string; choices?: { zh: string; en: string }[] }
export interface Closure { kinds: string[]; from: string; to: string; reason: string }
export interface Day { date: string; working: boolean; name: string }

export interface Project {
  name: string
  product: string
  termMonths: number
  priceCents: number
  ca?: string
  notice: string
  contact: { phone: string; site?: string; hours?: string; emergency?: string }
  process: string[]
  help: string[]
  downloads: Download[]
  prices: Price[]
  policies: Policy[]
  materials: Record<string, Material[]>
  windows: { renewDays: number; lateDays: number; closed: Closure[] }
  fields: Record<string, Asked[]>
}

export interface Holidays { source: string; days: Day[] }
export interface Notice { zh: string; en: string }
export interface Agreement { version: string; title: string; text: string }

/** A document with its kind, so that a form gets the right one. */
export type Content =
  | { kind: 'project'; document: Project }
  | { kind: 'holidays'; document: Holidays }
  | { kind: 'notice'; document: Notice }
  | { kind: 'agreement'; document: Agreement }

const empty: { [K in Kind]: unknown } = {
  project: { name: '', product: '', termMonths: 12, priceCents: 0, notice: '', contact: { phone: '' }, process: [], help: [], downloads: [], prices: [], policies: [], materials: {}, windows: { renewDays: 90, lateDays: 365, closed: [] }, fields: {} } satisfies Project,
  holidays: { source: '', days: [] } satisfies Holidays,
  notice: { zh: '', en: '' } satisfies Notice,
  agreement: { version: '', title: '', text: '' } satisfies Agreement,
}

/** The server wrote the text, or checked it, so it has the shape of its kind. Nil/zero: no text is an empty document. */
export const read = (kind: Kind, text: string | undefined) => ({ kind, document: text ? (JSON.parse(text) as unknown) : empty[kind] }) as Content

/** The text with sample values in the places of a notice. */
export const filled = (text: string, samples: Record<string, string>) => text.replace(/\{(\w+)\}/g, (_, name: string) => samples[name] ?? `〔${name}〕`)
