import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { StateTag, type Tone } from './StateTag'

const tones: Record<Schema<'ApplicationState'>, Tone> = {
  draft: 'quiet', pending: 'busy', reviewing: 'busy', returned: 'bad', second: 'busy', rejected: 'bad', paying: 'soon',
  consented: 'busy', ready: 'soon', enrolling: 'busy', issued: 'busy', shipping: 'busy', shipped: 'busy', received: 'good',
  completed: 'good', withdrawn: 'quiet', failed: 'bad',
}

export function ApplicationTag({ state }: { state: Schema<'ApplicationState'> }) {
  const { states } = useCommon()
  return <StateTag tone={tones[state]} text={states[state]} />
}
