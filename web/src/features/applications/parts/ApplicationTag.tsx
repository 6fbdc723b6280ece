import type { Schema } from '@/api/client'
import { StateTag, type Tone } from '@/ui/StateTag'
import { useText } from '../text'

const tones: Record<Schema<'ApplicationState'>, Tone> = {
  draft: 'quiet', consented: 'busy', ready: 'busy', enrolling: 'busy', issued: 'busy', completed: 'good', withdrawn: 'quiet', failed: 'bad',
}

export function ApplicationTag({ state }: { state: Schema<'ApplicationState'> }) {
  const t = useText()
  return <StateTag tone={tones[state]} text={t.states[state]} />
}
