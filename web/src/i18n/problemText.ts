import type { Params, RefusalCode } from '@/api/refusal'
import { en } from './errors.en-US'
import { zh } from './errors.zh-CN'
import { fill, wait } from './fill'
import type { Language } from './language'

/** The sentence a person reads for a code; a code newer than this page reads as an internal fault. */
export function problemText(code: RefusalCode, params: Params, language: Language): string {
  const texts = language === 'zh-CN' ? zh : en
  const text = (texts as Partial<Record<string, string>>)[code] ?? texts.internal
  const retryAfter = params.retryAfter
  const spoken = typeof retryAfter === 'number' ? { ...params, retryAfter: wait(retryAfter, language) } : params
  return fill(text, spoken)
}

export const isRefusalCode = (word: string): word is RefusalCode => word in zh
