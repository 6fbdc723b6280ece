import type { Schema } from '@/api/client'

export type Entry = Schema<'TokenEntry'>

/** What a sheet of keys says: the keys, or the numbers of the lines that cannot be read. Nil/zero: known false = no heading named a serial. */
export interface Sheet {
  entries: Entry[]
  bad: number[]
  known: boolean
}

/** The most that one registration takes; see the contract. */
export const mostEntries = 1000

const columns: Record<string, 'serial' | 'model' | 'label' | 'soPin'> = {
  serial: 'serial', 编号: 'serial', 'ukey 编号': 'serial', 序列号: 'serial',
  model: 'model', 型号: 'model',
  label: 'label', 名称: 'label',
  sopin: 'soPin', '管理员 pin': 'soPin', 管理员pin: 'soPin',
}

const longest = { serial: 64, model: 200, label: 200, soPin: 64 } as const

/** Reads CSV with a line of headings, RFC 4180. Empty lines are passed over; a serial may stand once. */
export function readSheet(text: string): Sheet {
  const rows = split(text.replace(/^\uFEFF/, ''))
  const heads = (rows[0]?.cells ?? []).map((cell) => columns[cell.trim().toLowerCase()])
  const sheet: Sheet = { entries: [], bad: [], known: heads.includes('serial') }
  if (!sheet.known) return sheet
  const seen = new Set<string>()
  for (const { cells, line } of rows.slice(1)) {
    if (cells.every((cell) => cell.trim() === '')) continue
    const entry: Entry = { serial: '' }
    let good = cells.length <= heads.length
    cells.forEach((cell, i) => {
      const head = heads[i]
      const value = cell.trim()
      if (!head || value === '') return
      good &&= value.length <= longest[head]
      entry[head] = value
    })
    if (!good || entry.serial === '' || seen.has(entry.serial)) sheet.bad.push(line)
    else sheet.entries.push(entry)
    seen.add(entry.serial)
  }
  return sheet
}

function split(text: string): { cells: string[]; line: number }[] {
  const rows: { cells: string[]; line: number }[] = []
  let cells: string[] = []
  let cell = ''
  let quoted = false
  let line = 1
  let began = 1
  const end = () => {
    rows.push({ cells: [...cells, cell], line: began })
    cells = []
    cell = ''
  }
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '\n') line++
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') cell += text[i++]
      else if (c === '"') quoted = false
      else cell += c
    } else if (c === '"' && cell === '') quoted = true
    else if (c === ',') {
      cells.push(cell)
      cell = ''
    } else if (c === '\n') {
      end()
      began = line
    } else if (c !== '\r') cell += c
  }
  if (cell !== '' || cells.length > 0) end()
  return rows
}
