/** 分 → ¥200.00 */
export function yuan(cents: number): string {
  const sign = cents < 0 ? '-' : ''
  const abs = Math.abs(cents)
  const whole = Math.floor(abs / 100).toString().replace(/\B(?=(\d{3})+$)/g, ',')
  return `${sign}¥${whole}.${(abs % 100).toString().padStart(2, '0')}`
}

/** What a person typed, in yuan → 分; null when it is no amount. Digit by digit: a float would lose a 分. */
export function parseYuan(text: string): number | null {
  const found = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(text.trim().replace(/^[¥¥]\s*/, '').replaceAll(',', ''))
  if (!found) return null
  return Number(found[1]) * 100 + Number((found[2] ?? '').padEnd(2, '0'))
}
