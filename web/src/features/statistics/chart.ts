import type { Figures } from './queries'

/** How pairs come about, in the order in which they are stacked. */
export const kinds = ['new', 'renewed', 'changed', 'replaced'] as const
export type Kind = (typeof kinds)[number]

// Told apart by everybody, also by lightness.
// Source: Okabe and Ito, Color Universal Design (2008).
export const colours: Record<Kind | 'revoked', string> = { new: '#0072b2', renewed: '#56b4e9', changed: '#e69f00', replaced: '#009e73', revoked: '#b3261e' }

export const issued = (f: Figures) => f.new + f.renewed + f.changed + f.replaced

/** The lines of a scale from nought up to at least the greatest value, at most five steps of 1, 2 or 5 times a power of ten. */
export function scaleOf(greatest: number): number[] {
  const rough = Math.max(greatest, 1) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = Math.max(1, power * ([1, 2, 5].find((n) => n * power >= rough) ?? 10))
  const lines = [0]
  while ((lines.at(-1) ?? 0) < greatest) lines.push((lines.at(-1) ?? 0) + step)
  return lines.length === 1 ? [0, step] : lines
}

/** Which of n labels of a width fit beside each other: every how many-th. */
export const everyNth = (n: number, width: number, each: number) => Math.max(1, Math.ceil((n * each) / Math.max(width, 1)))
