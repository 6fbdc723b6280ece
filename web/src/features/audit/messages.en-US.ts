import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  title: 'Audit',
  by: 'Who',
  byHint: 'account or login',
  act: 'Act',
  object: 'Object',
  search: 'Search',
  columns: { seq: 'No.', at: 'Time', by: 'Who', act: 'Act', object: 'Object', facts: 'Facts' },
  older: 'Older entries',
  newest: 'Back to the newest',
  none: 'No entry matches.',
  verify: 'Verify the chain',
  holds: (n) => `The chain holds: ${String(n)} entries were recomputed.`,
  anchor: 'Keep this anchor elsewhere, so that a chain written anew is found:',
  broken: (seq) => `The chain does not hold at entry ${String(seq)}`,
  reasons: {
    missing: 'The entry is missing.',
    order: 'It does not follow the entry before.',
    changed: 'Its contents were changed.',
    cut: 'The tail was cut off.',
    surplus: 'There are entries after the end.',
    head: 'The head does not match the entries.',
  },
  asItStands: 'The entry as it stands now:',
  exportChain: 'Export the chain (JSONL)',
  exportCsv: 'Export CSV',
  exportXlsx: 'Export XLSX',
}
