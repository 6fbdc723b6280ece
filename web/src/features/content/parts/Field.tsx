import { Button } from 'antd'
import type { ReactNode } from 'react'
import { useText } from '../text'

/** A named field, with a line of help below. */
export function Field({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    <label className="stack" style={{ gap: 4, flex: '1 1 220px', minWidth: 0 }}>
      <span>{label}</span>
      {children}
      {hint && <span className="quiet" style={{ fontSize: 13 }}>{hint}</span>}
    </label>
  )
}

interface RowsProps<T> {
  label: string
  rows: T[]
  change: (rows: T[]) => void
  fresh: () => T
  children: (row: T, set: (next: Partial<T>) => void, n: number) => ReactNode
  testId: string
}

/** A list that grows and shrinks, a line a row. */
export function Rows<T>({ label, rows, change, fresh, children, testId }: RowsProps<T>) {
  const t = useText()
  return (
    <fieldset className="stack" style={{ gap: 8, border: 0, margin: 0, padding: 0, minWidth: 0 }} data-testid={testId}>
      <legend style={{ padding: 0, marginBottom: 8 }}>{label}</legend>
      {rows.map((row, n) => (
        <div key={n} className="row">
          {children(row, (next) => change(rows.map((one, at) => (at === n ? { ...one, ...next } : one))), n)}
          <Button size="small" aria-label={`${t.remove} ${label} ${String(n + 1)}`} onClick={() => change(rows.filter((_, at) => at !== n))}>{t.remove}</Button>
        </div>
      ))}
      <div><Button size="small" aria-label={`${t.add} ${label}`} onClick={() => change([...rows, fresh()])} data-testid={`${testId}-add`}>{t.add}</Button></div>
    </fieldset>
  )
}
