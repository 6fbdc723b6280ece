import { StateTag, type Tone } from '@/ui/StateTag'
import type { Work } from '../queries'
import { useText } from '../text'

const tones: Record<Work['state'], Tone> = { pending: 'soon', approved: 'busy', done: 'good', rejected: 'bad', withdrawn: 'quiet', expired: 'quiet', parked: 'bad' }

export function WorkTag({ state }: { state: Work['state'] }) {
  const t = useText()
  return <StateTag tone={tones[state]} text={t.works[state]} />
}
