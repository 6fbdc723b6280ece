import type { Schema } from '@/api/client'
import { StateTag, type Tone } from '@/ui/StateTag'
import { useText } from '../text'

const tones: Record<Schema<'CertificateState'>, Tone> = { valid: 'good', expiring: 'soon', expired: 'bad', suspended: 'bad', revoked: 'bad', superseded: 'quiet' }

export function CertificateTag({ state }: { state: Schema<'CertificateState'> }) {
  const t = useText()
  return <StateTag tone={tones[state]} text={t.states[state]} />
}
