import { Tag } from 'antd'

export type Tone = 'good' | 'soon' | 'bad' | 'busy' | 'quiet'

// The sign differs with the tone, so that nobody has to tell colours apart.
const looks: Record<Tone, { color: string; sign: string }> = {
  good: { color: 'success', sign: '✓' },
  soon: { color: 'warning', sign: '!' },
  bad: { color: 'error', sign: '✕' },
  busy: { color: 'processing', sign: '…' },
  quiet: { color: 'default', sign: '–' },
}

export function StateTag({ tone, text }: { tone: Tone; text: string }) {
  const look = looks[tone]
  return (
    <Tag color={look.color} style={{ marginInlineEnd: 0 }}>
      <span aria-hidden="true">{look.sign} </span>
      {text}
    </Tag>
  )
}
