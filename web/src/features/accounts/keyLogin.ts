import { LoopbackError, sayHello, Session as Page } from '@/agent/loopback'
import { api, body, type Schema } from '@/api/client'
import { Refusal, type RefusalCode } from '@/api/refusal'

export type KeyHere = Schema<'TokenKey'>
type Proof = Schema<'KeyLoginProof'>

/** A login by USB key, from the agent's hello on: it lists keys and has one sign the portal's challenge. */
export class KeyLogin {
  private constructor(private readonly page: Page, private readonly login: string, private readonly agentId: string, readonly keys: KeyHere[]) {}

  /** Errors: Refusal of the portal, or `agent_none` when no agent answers. */
  static async begin(): Promise<KeyLogin> {
    const { login, nonce } = await body(api.POST('/session/key/nonce'))
    try {
      const { base, reply } = await sayHello(nonce)
      const { grant, agentId, list } = await body(api.POST('/session/key/grants', { body: { login, nonce, hello: reply } }))
      const page = await Page.open(base, grant)
      const { keys } = await run<{ keys: KeyHere[] | null }>(page, list)
      return new KeyLogin(page, login, agentId, keys ?? [])
    } catch (error) {
      throw error instanceof LoopbackError ? new Refusal(error.code === 'absent' || error.code === 'denied' ? 'agent_none' : 'operation_refused', 0, '', {}) : error
    }
  }

  /** Signs the challenge; the person types the PIN in the agent's own window. */
  async prove(tokenSerial: string): Promise<Proof> {
    const { nonce, job } = await body(api.POST('/session/key/tickets', { body: { login: this.login, agentId: this.agentId, tokenSerial } }))
    const { certificate, signature } = await run<{ certificate: string; signature: string }>(this.page, job)
    return { login: this.login, nonce, certificate, signature }
  }
}

async function run<Result>(page: Page, job: Schema<'LoopbackJob'>): Promise<Result> {
  const { problem, result } = await page.run<Result>(job)
  if (problem) throw new Refusal(problem.code as RefusalCode, 0, '', { triesLeft: problem.triesLeft })
  return result as Result
}

export const loginByKey = (proof: Proof) => body(api.POST('/session/key', { body: proof }))
