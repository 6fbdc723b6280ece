import { Descriptions } from 'antd'
import type { ReactNode } from 'react'

export interface Fact {
  key: string
  label: string
  value: ReactNode
}

/** Name and value, two beside each other on wide screens. */
export function Facts({ facts, columns = 2 }: { facts: readonly Fact[]; columns?: 1 | 2 }) {
  return (
    <Descriptions
      bordered
      size="small"
      styles={{ label: { minWidth: 'min(7.5em, 24vw)' } }}
      column={{ xs: 1, sm: 1, md: 1, lg: columns }}
      items={facts.map((f) => ({ key: f.key, label: f.label, children: <span className="wrap">{f.value}</span> }))}
    />
  )
}
