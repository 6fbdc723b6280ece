import { Empty, Table } from 'antd'
import { useEffect, useRef, type ReactNode } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { Pager } from './Pager'
import { useNarrow } from './useNarrow'
import type { ListState } from './useListState'

export interface Column<Row> {
  key: string
  title: string
  cell: (row: Row) => ReactNode
  width?: number
}

interface Props<Row> {
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  rowKey: (row: Row) => string
  page: Schema<'Page'>
  change: (next: Partial<ListState>) => void
  busy?: boolean
  testId: string
}

/** A list of the server's: table on wide screens, cards on narrow ones, and the pager of seed 002 below. */
export function DataTable<Row extends object>(props: Props<Row>) {
  const narrow = useNarrow()
  return (
    <section aria-label={props.label} data-testid={props.testId}>
      {narrow ? <Cards {...props} /> : <Wide {...props} />}
      {props.page.total > 0 && <Pager page={props.page} change={props.change} />}
    </section>
  )
}

function Wide<Row extends object>({ label, columns, rows, rowKey, busy }: Props<Row>) {
  const t = useCommon()
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // The library scrolls this element sideways but does not let the keyboard reach it.
    const content = box.current?.querySelector('.ant-table-content')
    content?.setAttribute('tabindex', '0')
    content?.setAttribute('role', 'group')
    content?.setAttribute('aria-label', label)
  }, [label])
  return (
    <div ref={box}>
      <Table<Row>
        dataSource={[...rows]}
        rowKey={rowKey}
        loading={busy ?? false}
        pagination={false}
        size="middle"
        scroll={{ x: 'max-content' }}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.empty} /> }}
        columns={columns.map((c) => ({
          key: c.key,
          title: c.title,
          render: (_: unknown, row: Row) => c.cell(row),
          ...(c.width ? { width: c.width } : {}),
          ...(c.key === 'action' ? { fixed: 'end' as const } : {}), // in reach however far the list scrolls
        }))}
      />
    </div>
  )
}

function Cards<Row extends object>({ columns, rows, rowKey }: Props<Row>) {
  const t = useCommon()
  if (rows.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.empty} />
  return (
    <ul className="cards">
      {rows.map((row) => (
        <li key={rowKey(row)}>
          <dl>
            {columns.map((c) => (
              <Pair key={c.key} title={c.title}>{c.cell(row)}</Pair>
            ))}
          </dl>
        </li>
      ))}
    </ul>
  )
}

function Pair({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </>
  )
}
