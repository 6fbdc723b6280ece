import type { Params, RefusalCode } from '@/api/refusal'
import { day } from '@/lib/time'
import { zh } from './errors.zh-CN'
import { fill, wait } from './fill'
import type { Language } from './language'

let english: Record<keyof typeof zh, string> = zh

/** Fetches the English sentences, which most visitors never need; before, and where they cannot be had, people read the Chinese ones. */
export async function loadEnglish() {
  try {
    english = (await import('./errors.en-US')).en
  } catch {
    english = zh
  }
}

/** A moment as the server writes it; people read its day. */
const isMoment = /^\d{4}-\d\d-\d\dT/

/** The sentence a person reads for a code; a code newer than this page reads as an internal fault. */
export function problemText(code: RefusalCode, params: Params, language: Language): string {
  const texts = language === 'zh-CN' ? zh : english
  const text = (texts as Partial<Record<string, string>>)[code] ?? texts.internal
  const retryAfter = params.retryAfter
  const spoken = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, typeof value === 'string' && isMoment.test(value) ? day(value) : value]))
  return fill(text, typeof retryAfter === 'number' ? { ...spoken, retryAfter: wait(retryAfter, language) } : spoken)
}

export const isRefusalCode = (word: string): word is RefusalCode => word in zh
