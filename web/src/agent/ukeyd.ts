import { fromBase64, hashOf as hash, readFile, toBase64 } from '@/lib/bytes'
import type * as api from '../../public/ukeyd'
import { LoopbackError, permission, sayHello, Session } from './loopback'
import { PageKey } from './pageKey'

export { permission }

/** What ukeyd.d.ts says of it. */
export class UKeydError extends Error implements api.UKeydError {
  override readonly name = 'UKeydError'
  declare readonly triesLeft?: number
  constructor(readonly code: string, triesLeft?: number) {
    super(code)
    if (triesLeft !== undefined) this.triesLeft = triesLeft
  }
}

type Ask = Omit<api.TicketRequest, 'agentId' | 'session'>

class Client implements api.UKeyd {
  constructor(
    private readonly backend: api.Backend,
    private readonly page: Session,
    private readonly session: string,
    readonly agentId: string,
    readonly version: string,
  ) {}

  async listKeys(): Promise<api.Key[]> {
    return (await this.run<{ keys: api.Key[] | null }>({ op: 'list' })).keys ?? []
  }

  async login(nonce: string, key: { spki: string; tokenSerial?: string }): Promise<api.Proof> {
    return this.run<api.Proof>({ op: 'prove', nonce, spkiHash: await hashOf(key.spki), ...serial(key.tokenSerial) })
  }

  async sign(file: File, { spki, tokenSerial, detached = false, style = 'gmt0010' }: api.SignOptions): Promise<api.Signed> {
    const content = toBase64(await readFile(file))
    const result = await this.run<Omit<api.Signed, 'name'>>({ op: 'sign', name: file.name, content, spkiHash: await hashOf(spki), detached, style, ...serial(tokenSerial) })
    return { ...result, name: file.name }
  }

  async signFiles(list: readonly File[], { spki, tokenSerial, detached = false, style = 'gmt0010' }: api.SignOptions): Promise<api.Signed[]> {
    if (list.length === 0) return []
    const files = await Promise.all(list.map(async (file) => ({ name: file.name, content: toBase64(await readFile(file)) })))
    const { signatures, ...by } = await this.run<{ signatures: string[] | null; certificate: string; serial: string }>({
      op: 'sign', files, spkiHash: await hashOf(spki), detached, style, ...serial(tokenSerial),
    })
    if (signatures?.length !== files.length) throw new UKeydError('internal')
    return signatures.map((signature, i) => ({ ...by, name: files[i]?.name ?? '', signature }))
  }

  async decrypt(file: File, tokenSerial?: string): Promise<Uint8Array<ArrayBuffer>> {
    const key = await PageKey.make()
    const sealed = await this.run<{ ephemeral: string; nonce: string; ciphertext: string }>({
      op: 'decrypt', name: file.name, content: toBase64(await readFile(file)), pageKey: key.point, ...serial(tokenSerial),
    })
    return key.open(sealed)
  }

  changed(revision: number): Promise<number> {
    return translated(this.page.changed(revision))
  }

  private async run<Result>(ask: Ask): Promise<Result> {
    const handed = await this.backend.ticket({ ...ask, agentId: this.agentId, session: this.session })
    const { problem, result } = await translated(this.page.run<Result>(handed))
    if (problem) throw new UKeydError(problem.code, problem.triesLeft)
    return result as Result
  }
}

const serial = (tokenSerial?: string) => (tokenSerial ? { tokenSerial } : {})

async function hashOf(spki: string): Promise<string> {
  if (!fromBase64(spki)?.length) throw new UKeydError('invalid_field')
  return hash(spki)
}

async function translated<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw error instanceof LoopbackError ? new UKeydError(error.code) : error
  }
}

export const connect: typeof api.connect = async (backend) => {
  const { base, reply } = await translated(sayHello(await backend.nonce()))
  const { grant, session } = await backend.grant(reply)
  const page = await translated(Session.open(base, grant))
  return new Client(backend, page, session, reply.agentId, reply.version)
}
