import { api, body, type Schema } from '@/api/client'
import { Refusal, type RefusalCode } from '@/api/refusal'
import { LoopbackError, sayHello, Session as Page } from './loopback'

/** A key as the agent lists it. */
export interface GuestKey {
  serial: string
  label: string
  objects?: { usage: 'sign' | 'encrypt'; spki?: string; certificate?: string; name?: string }[] | null
}

/** The agent beside a page on which nobody is logged in: it lists keys and does the jobs that the portal signs for such a page. */
export class Guest {
  private constructor(private readonly page: Page, readonly login: string, readonly agentId: string, readonly keys: GuestKey[]) {}

  /** Errors: Refusal of the portal, or `agent_none` when no agent answers. */
  static async begin(): Promise<Guest> {
    const { login, nonce } = await body(api.POST('/session/key/nonce'))
    try {
      const { base, reply } = await sayHello(nonce)
      const { grant, agentId, list } = await body(api.POST('/session/key/grants', { body: { login, nonce, hello: reply } }))
      const page = await Page.open(base, grant)
      const { keys } = await run<{ keys: GuestKey[] | null }>(page, list)
      return new Guest(page, login, agentId, keys ?? [])
    } catch (error) {
      throw error instanceof LoopbackError ? new Refusal(error.code === 'absent' || error.code === 'denied' ? 'agent_none' : 'operation_refused', 0, '', {}) : error
    }
  }

  /** The person reads what it is about and types the PIN in the agent's own window. */
  run<Result>(job: Schema<'LoopbackJob'>): Promise<Result> {
    return run<Result>(this.page, job)
  }
}

async function run<Result>(page: Page, job: Schema<'LoopbackJob'>): Promise<Result> {
  const { problem, result } = await page.run<Result>(job)
  if (problem) throw new Refusal(problem.code as RefusalCode, 0, '', { triesLeft: problem.triesLeft })
  return result as Result
}
