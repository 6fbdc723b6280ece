import { StateTag, type Tone } from '@/ui/StateTag'
import type { Shipment } from '../queries'
import { useText } from '../text'

const tones: Record<Shipment['state'], Tone> = { planned: 'quiet', waiting: 'soon', packed: 'busy', shipped: 'busy', delivered: 'soon', received: 'good', returned: 'bad' }

export function ShipmentTag({ state }: { state: Shipment['state'] }) {
  const t = useText()
  return <StateTag tone={tones[state]} text={t.states[state]} />
}
