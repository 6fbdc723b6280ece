import { Empty } from 'antd'
import type { ReactNode } from 'react'
import { useNarrow } from './useNarrow'

export interface Column<Row> {
  key: string
  title: string
  cell: (row: Row) => ReactNode
}

/** A short list without pages: a table on wide screens, cards on narrow ones. */
export function Rows<Row>({ label, columns, rows, rowKey, empty }: { label: string; columns: readonly Column<Row>[]; rows: readonly Row[]; rowKey: (row: Row) => string; empty: string }) {
  const narrow = useNarrow()
  if (rows.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={empty} />
  if (narrow) {
    return (
      <ul className="cards" aria-label={label}>
        {rows.map((row) => <li key={rowKey(row)}><dl>{columns.map((c) => [<dt key={`${c.key}-t`}>{c.title}</dt>, <dd key={c.key}>{c.cell(row)}</dd>])}</dl></li>)}
      </ul>
    )
  }
  return (
    <div style={{ overflowX: 'auto' }} tabIndex={0} role="group" aria-label={label}>
      <table className="plain">
        <thead><tr>{columns.map((c) => <th key={c.key} scope="col">{c.title}</th>)}</tr></thead>
        <tbody>{rows.map((row) => <tr key={rowKey(row)}>{columns.map((c) => <td key={c.key}>{c.cell(row)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  )
}
