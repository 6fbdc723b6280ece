/** The four classes of characters; a password needs three of them and 8 to 20 characters. Source: S000-15. */
export const passwordClasses = [
  { name: 'upper', test: /[A-Z]/ },
  { name: 'lower', test: /[a-z]/ },
  { name: 'digit', test: /[0-9]/ },
  { name: 'special', test: /[^A-Za-z0-9]/ },
] as const

export type PasswordClass = (typeof passwordClasses)[number]['name']

export interface PasswordScore {
  length: boolean
  classes: Record<PasswordClass, boolean>
  ok: boolean
}

export function scorePassword(password: string): PasswordScore {
  const length = [...password].length
  const has = (name: PasswordClass) => passwordClasses.some((c) => c.name === name && c.test.test(password))
  const classes = { upper: has('upper'), lower: has('lower'), digit: has('digit'), special: has('special') }
  const fits = length >= 8 && length <= 20
  return { length: fits, classes, ok: fits && Object.values(classes).filter(Boolean).length >= 3 }
}
