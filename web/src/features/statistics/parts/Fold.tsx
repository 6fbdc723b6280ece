import type { ReactNode } from 'react'
import { useText } from '../text'

/** The figures of a chart as a table, opened when wanted. */
export function Fold({ head, rows, name }: { head: string[]; rows: { key: string; cells: ReactNode[] }[]; name: string }) {
  const t = useText()
  return (
    <details className="fold" data-testid={`table-${name}`}>
      <summary>{t.asTable}</summary>
      <Table head={head} rows={rows} label={t.asTable} />
    </details>
  )
}

/** A table of figures that scrolls sideways, by keyboard too, where it is too wide. */
export function Table({ head, rows, label }: { head: string[]; rows: { key: string; cells: ReactNode[] }[]; label: string }) {
  return (
    <div style={{ overflowX: 'auto' }} tabIndex={0} role="region" aria-label={label}>
      <table className="plain figures">
        <thead><tr>{head.map((text) => <th key={text} scope="col">{text}</th>)}</tr></thead>
        <tbody>
          {rows.map(({ key, cells: [first, ...rest] }) => (
            <tr key={key}><th scope="row">{first}</th>{rest.map((cell, i) => <td key={i}>{cell}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
