import { StateTag, type Tone } from '@/ui/StateTag'
import type { State } from '../queries'
import { useText } from '../text'

const tones: Record<State, Tone> = { pending: 'soon', second: 'soon', requested: 'busy', ready: 'good', refused: 'bad', withdrawn: 'quiet' }

export function RecoveryTag({ state }: { state: State }) {
  const t = useText()
  return <StateTag tone={tones[state]} text={t.states[state]} />
}
