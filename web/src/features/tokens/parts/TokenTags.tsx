import { StateTag, type Tone } from '@/ui/StateTag'
import type { Token } from '../queries'
import { useText } from '../text'

const tones: Record<Token['state'], Tone> = {
  blank: 'quiet', initialised: 'quiet', issued: 'busy', in_transit: 'busy', active: 'good', locked: 'bad', lost: 'bad', scrapped: 'quiet',
}

/** State of a USB key, and what else one must know of it. */
export function TokenTags({ token }: { token: Token }) {
  const t = useText()
  return (
    <span className="row" style={{ gap: 6 }}>
      <StateTag tone={tones[token.state]} text={t.states[token.state]} />
      {token.parked && <StateTag tone="bad" text={t.parked} />}
      {token.mustChangePin && <StateTag tone="soon" text={t.mustChange} />}
    </span>
  )
}
