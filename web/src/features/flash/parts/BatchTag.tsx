import { StateTag, type Tone } from '@/ui/StateTag'
import type { Batch, FlashKey } from '../queries'
import { useText } from '../text'

const tones: Record<Batch['state'], Tone> = { open: 'quiet', started: 'busy', done: 'good' }

export function BatchTag({ state }: { state: Batch['state'] }) {
  const t = useText()
  return <StateTag tone={tones[state]} text={t.states[state]} />
}

export function KeyTag({ of: { state, problem } }: { of: FlashKey }) {
  const t = useText()
  const tone = state === 'labelled' ? 'good' : state === 'waiting' ? 'quiet' : problem ? 'bad' : 'busy'
  return <StateTag tone={tone} text={t.keys[state]} />
}
