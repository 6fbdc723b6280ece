export type Tone = 'good' | 'soon' | 'bad' | 'busy' | 'quiet' | 'mark'

// The sign differs with the tone, so that nobody has to tell colours apart.
const signs: Record<Tone, string> = { good: '✓', soon: '!', bad: '✕', busy: '…', quiet: '–', mark: '' }

/** A state in a word, a sign and a colour. `mark` is no state but a label, such as 演示数据. */
export function StateTag({ tone, text, title }: { tone: Tone; text: string; title?: string }) {
  return (
    <span className={`tag tag-${tone}`} {...(title ? { title } : {})}>
      {signs[tone] && <span aria-hidden="true">{signs[tone]} </span>}
      {text}
    </span>
  )
}
