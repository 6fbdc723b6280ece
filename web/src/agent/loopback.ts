/**
 * The agent on this computer, called by `fetch` on 127.0.0.1 and nothing else. No React in here: the portal's pages and the
 * stand-alone ukeyd.js share it. Source: ukey/agent/loopbackroutes.go.
 */

/** Where an agent listens: the first of them that is free. Source: ticket.LoopbackPorts. */
export const ports = [28961, 38961, 48961] as const

/** What an agent answers to a nonce; all but the version is base64 or an id. */
export interface HelloReply {
  agentId: string
  nonce: string
  version: string
  signature: string
}

/** A ticket with exactly the parameter bytes it covers, as text. */
export interface Handed {
  id: string
  ticket: string
  params: string
}

export interface Outcome<Result> {
  ticket: string
  result?: Result
  problem?: { code: string; detail?: string; triesLeft?: number }
  signature: string
}

/** `unknown`: a browser without such a permission, which asks nobody. */
export type Permission = 'granted' | 'denied' | 'prompt' | 'unknown'

/** Why a call to the agent failed. `absent`: nothing answered, or the browser let nothing through. */
export class LoopbackError extends Error {
  override readonly name = 'LoopbackError'
  constructor(readonly code: string) {
    super(code)
  }
}

/** What the browser says about calls to this computer. Its name changed in Chrome 145. */
export async function permission(): Promise<Permission> {
  for (const name of ['loopback-network', 'local-network-access']) {
    try {
      return (await navigator.permissions.query({ name: name as PermissionName })).state
    } catch {
      // a browser that does not know this name
    }
  }
  return 'unknown'
}

const helloWithin = 3_000
const promptWithin = 60_000 // the person reads the browser's question meanwhile

/**
 * The first agent that answers a nonce.
 *
 * Errors: LoopbackError `denied` when the browser let nothing through, `absent` when nothing answered.
 */
export async function sayHello(nonce: string): Promise<{ base: string; reply: HelloReply }> {
  const before = await permission()
  for (const port of ports) {
    const base = `http://127.0.0.1:${port}`
    try {
      const reply = await post<HelloReply>(base, '/v1/hello', JSON.stringify({ nonce }), '', before === 'prompt' ? promptWithin : helloWithin)
      return { base, reply }
    } catch (error) {
      if ((await permission()) === 'denied') throw new LoopbackError('denied')
      if (error instanceof LoopbackError && error.code === 'too_many_requests') throw error
    }
  }
  throw new LoopbackError('absent')
}

/** A page's session with the agent beside it. */
export class Session {
  private constructor(private readonly base: string, private readonly token: string) {}

  static async open(base: string, grant: string): Promise<Session> {
    const { token } = await post<{ token: string }>(base, '/v1/session', JSON.stringify({ grant }), '', helloWithin)
    return new Session(base, token)
  }

  /** Runs one job to its end; the person may take minutes over the dialogue. The parameters go out as they came. */
  run<Result>(job: Handed): Promise<Outcome<Result>> {
    const text = `{"id":${JSON.stringify(job.id)},"ticket":${JSON.stringify(job.ticket)},"params":${job.params}}`
    return post<Outcome<Result>>(this.base, '/v1/rpc', text, this.token, 0)
  }

  /** Answers once a key was plugged in or pulled out, or after 25 s. */
  async changed(revision: number): Promise<number> {
    const answer = await post<{ revision: number }>(this.base, '/v1/events', JSON.stringify({ revision }), this.token, 40_000)
    return answer.revision
  }
}

/** Units: within is milliseconds; 0 = no limit. */
async function post<T>(base: string, path: string, text: string, token: string, within: number): Promise<T> {
  const request: RequestInit & { targetAddressSpace: string } = {
    method: 'POST',
    mode: 'cors',
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
    headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    body: text,
    targetAddressSpace: 'loopback',
    ...(within ? { signal: AbortSignal.timeout(within) } : {}),
  }
  let answer: Response
  try {
    answer = await fetch(base + path, request)
  } catch {
    throw new LoopbackError('absent')
  }
  const body: unknown = await answer.json().catch(() => null)
  if (answer.ok) return body as T
  const code = typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string' ? body.code : 'refused'
  throw new LoopbackError(code)
}
