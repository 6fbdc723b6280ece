import type { Params } from '@/api/refusal'

/**
 * Puts numbers into a text. `{name}` is replaced; a part in brackets `[…{name}…]` falls away when the number
 * did not come, so that no person ever reads "undefined" or a bare placeholder.
 */
export function fill(text: string, params: Params): string {
  const value = (name: string) => {
    const raw = params[name]
    if (typeof raw === 'number') return String(raw)
    return typeof raw === 'string' && raw !== '' ? raw : null
  }
  const names = (part: string) => [...part.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '')
  const put = (part: string) => part.replace(/\{(\w+)\}/g, (_whole, name: string) => value(name) ?? '')
  const optional = /\[([^\]]*)\]/g
  return put(text.replace(optional, (_whole, part: string) => (names(part).every((n) => value(n) !== null) ? part : '')))
}

/** Seconds as people say them; `retryAfter` of a lock is often a quarter of an hour. */
export function wait(seconds: number, language: 'zh-CN' | 'en-US'): string {
  if (seconds < 90) return language === 'zh-CN' ? `${Math.ceil(seconds)} 秒` : `${Math.ceil(seconds)} s`
  const minutes = Math.ceil(seconds / 60)
  return language === 'zh-CN' ? `${minutes} 分钟` : `${minutes} min`
}
