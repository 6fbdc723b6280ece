const browsers: [RegExp, string][] = [
  [/\bEdgA?\/(\d+)/, 'Edge'],
  [/\b(?:QQBrowser|360SE|360EE|MicroMessenger)\/?([\d]*)/, ''],
  [/\bFirefox\/(\d+)/, 'Firefox'],
  [/\b(?:HeadlessChrome|Chrome)\/(\d+)/, 'Chrome'],
  [/\bVersion\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari\//, 'Safari'],
]
const systems: [RegExp, string][] = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

/** What a user agent calls itself, for people: `Chrome 140 · Windows`. Nil/zero: '' for one not known, whose own text is shown elsewhere. */
export function browserName(userAgent: string): string {
  for (const [pattern, name] of browsers) {
    const match = pattern.exec(userAgent)
    if (!match) continue
    const browser = name ? `${name} ${match[1] ?? ''}` : match[0].replace('/', ' ')
    return [browser, systems.find(([test]) => test.test(userAgent))?.[1]].filter(Boolean).join(' · ')
  }
  return ''
}
