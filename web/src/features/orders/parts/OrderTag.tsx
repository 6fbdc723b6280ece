import type { Schema } from '@/api/client'
import { StateTag, type Tone } from '@/ui/StateTag'
import { useText } from '../text'

const tones: Record<Schema<'OrderState'>, Tone> = { pending: 'soon', paid: 'good', closed: 'quiet', refunded: 'quiet' }

export function OrderTag({ state }: { state: Schema<'OrderState'> }) {
  const t = useText()
  return <StateTag tone={tones[state]} text={t.states[state]} />
}
