import type { Guest } from '@/agent/guest'
import { api, body, type Schema } from '@/api/client'

type Proof = Schema<'KeyLoginProof'>

/** Has the key sign the portal's challenge; the person types the PIN in the agent's own window. */
export async function prove(guest: Guest, tokenSerial: string): Promise<Proof> {
  const { login, agentId } = guest
  const { nonce, job } = await body(api.POST('/session/key/tickets', { body: { login, agentId, tokenSerial } }))
  const { certificate, signature } = await guest.run<{ certificate: string; signature: string }>(job)
  return { login, nonce, certificate, signature }
}

export const loginByKey = (proof: Proof) => body(api.POST('/session/key', { body: proof }))
