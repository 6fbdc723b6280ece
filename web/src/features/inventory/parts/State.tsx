import { StateTag } from '@/ui/StateTag'
import type { Found } from '../queries'
import { useText } from '../text'

const tones = { good: 'good', suspended: 'soon', revoked: 'bad' } as const

/** How a certificate stands; one that is good and over says so. */
export function State({ of }: { of: Found }) {
  const t = useText()
  if (of.state === 'good' && new Date(of.notAfter) < new Date()) return <StateTag tone="quiet" text={t.expired} />
  return <StateTag tone={tones[of.state]} text={t.states[of.state]} />
}
