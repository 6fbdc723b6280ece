import { Button } from 'antd'
import type { ReactNode } from 'react'
import { useText } from '../text'

/** A named field, with a line of help below. */
export function Field({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    <label className="stack" style={{ gap: 4, minWidth: 0 }}>
      <span>{label}</span>
      {children}
      {hint && <span className="quiet" style={{ fontSize: 13 }}>{hint}</span>}
    </label>
  )
}

/** Fields beside each other, as many as there is room for. */
export function Columns({ children }: { children: ReactNode }) {
  return <div style={{ display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 240px), 1fr))', gap: '12px 16px', alignItems: 'start' }}>{children}</div>
}

/** A small field within a line. */
export function Small({ label, children }: { label: string; children: ReactNode }) {
  return <label className="row" style={{ gap: 6 }}><span className="quiet">{label}</span>{children}</label>
}

interface RowsProps<T> {
  label: string
  rows: T[]
  change: (rows: T[]) => void
  fresh: () => T
  children: (row: T, set: (next: Partial<T>) => void, n: number) => ReactNode
  testId: string
  /** Where a heading above says the same. */
  bare?: boolean
}

/** A list that grows and shrinks, a line a row. */
export function Rows<T>({ label, rows, change, fresh, children, testId, bare = false }: RowsProps<T>) {
  const t = useText()
  return (
    <fieldset className="stack" style={{ gap: 8, border: 0, margin: 0, padding: 0, minWidth: 0 }} data-testid={testId}>
      <legend className={bare ? 'visually-hidden' : ''} style={{ padding: 0, marginBottom: 8 }}>{label}</legend>
      {rows.map((row, n) => (
        <div key={n} className="row" style={{ borderBottom: '1px solid var(--line)', paddingBottom: 8 }}>
          {children(row, (next) => change(rows.map((one, at) => (at === n ? { ...one, ...next } : one))), n)}
          <Button size="small" aria-label={`${t.remove} ${label} ${String(n + 1)}`} onClick={() => change(rows.filter((_, at) => at !== n))}>{t.remove}</Button>
        </div>
      ))}
      <div><Button size="small" aria-label={`${t.add} ${label}`} onClick={() => change([...rows, fresh()])} data-testid={`${testId}-add`}>{t.add}</Button></div>
    </fieldset>
  )
}
