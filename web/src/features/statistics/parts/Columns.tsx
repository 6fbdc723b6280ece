import { everyNth, scaleOf } from '../chart'
import { useWidth } from './useWidth'

export interface Part {
  key: string
  colour: string
  value: number
}

export interface Column {
  key: string
  label: string
  title: string
  parts: Part[]
  /** drawn as a mark over the columns, not stacked */
  mark?: Part
}

const height = 240
const room = { top: 20, bottom: 28, left: 46, right: 8 }

/** Stacked columns with a scale. What they say is in words for those who cannot see them; a table stands beside it. */
export function Columns({ columns, text, values }: { columns: Column[]; text: string; values?: boolean }) {
  const [ref, width] = useWidth<HTMLDivElement>()
  const sum = (c: Column) => c.parts.reduce((all, p) => all + p.value, 0)
  const lines = scaleOf(Math.max(0, ...columns.map((c) => Math.max(sum(c), c.mark?.value ?? 0))))
  const top = lines.at(-1) ?? 1
  const y = (value: number) => height - room.bottom - (value / top) * (height - room.bottom - room.top)
  const band = Math.max(0, width - room.left - room.right) / Math.max(1, columns.length)
  const bar = Math.min(34, Math.max(1, band * 0.7))
  const every = everyNth(columns.length, width - room.left - room.right, 52)
  return (
    // The drawing hangs over its place: it must not keep a place wide that was made narrow.
    <div ref={ref} style={{ height, position: 'relative', overflow: 'hidden' }}>
      {width > 0 && (
        <svg role="img" aria-label={text} width={width} height={height} style={{ position: 'absolute', fontSize: 12 }}>
          {lines.map((line) => (
            <g key={line}>
              <line x1={room.left} x2={width - room.right} y1={y(line)} y2={y(line)} stroke={line === 0 ? '#5f6b7a' : '#dfe4ec'} />
              <text x={room.left - 6} y={y(line) + 4} textAnchor="end" fill="#4b5563">{line.toLocaleString()}</text>
            </g>
          ))}
          {columns.map((column, i) => {
            const middle = room.left + band * (i + 0.5)
            let below = 0
            return (
              <g key={column.key}>
                <title>{column.title}</title>
                <rect x={room.left + band * i} y={room.top} width={band} height={height - room.top - room.bottom} fill="transparent" />
                {column.parts.filter((p) => p.value > 0).map((part) => {
                  const foot = y(below)
                  below += part.value
                  return <rect key={part.key} x={middle - bar / 2} y={y(below)} width={bar} height={Math.max(1, foot - y(below))} fill={part.colour} stroke="#fff" strokeWidth={bar > 6 ? 1 : 0} />
                })}
                {column.mark && column.mark.value > 0 && <path d={`M ${middle} ${y(column.mark.value) - 5} l 5 5 l -5 5 l -5 -5 z`} fill={column.mark.colour} stroke="#fff" />}
                {values && sum(column) > 0 && band >= 34 && <text x={middle} y={y(sum(column)) - 4} textAnchor="middle" fill="#1f2937">{sum(column).toLocaleString()}</text>}
                {i % every === 0 && <text x={middle} y={height - 8} textAnchor="middle" fill="#4b5563">{column.label}</text>}
              </g>
            )
          })}
        </svg>
      )}
    </div>
  )
}
