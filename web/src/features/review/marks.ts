import type { Decision, Mark, Material, Reason } from './queries'

export type Marks = Readonly<Record<string, Mark>>

/** What a person decides: the files as marked, the reasons chosen, a remark. */
export interface Draft {
  decision: 'approve' | 'return' | 'reject'
  reasons: Reason[]
  note: string
}

/** The files that are marked bad. */
export const bad = (marks: Marks) => Object.values(marks).filter(({ ok }) => !ok)

/** The reasons of bad files are reasons of the whole. */
export const reasonsOf = (marks: Marks): Reason[] => [...new Set(bad(marks).map(({ reason }) => reason ?? 'other'))]

/** What is sent. An approval has no reasons, and only marks that say good. */
export function request({ decision, reasons, note }: Draft, marks: Marks): Decision {
  const text = note.trim()
  const list = Object.values(marks)
  return {
    decision,
    ...(decision === 'approve' ? {} : { reasons }),
    ...(text ? { note: text } : {}),
    ...(list.length > 0 ? { marks: list } : {}),
  }
}

/** Why a decision cannot be made yet; null = it can. */
export function hindrance({ decision, reasons, note }: Draft, marks: Marks): 'badFile' | 'noReason' | 'noNote' | null {
  if (decision === 'approve') return bad(marks).length > 0 ? 'badFile' : null
  if (reasons.length === 0) return 'noReason'
  return reasons.includes('other') && !note.trim() ? 'noNote' : null
}

/** The files to look at, in the order of the list. A replaced one is only history. */
export const current = (files: readonly Material[]) => files.filter(({ state }) => state !== 'replaced' && state !== 'removed')
