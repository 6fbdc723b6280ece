import { api, body } from '@/api/client'
import { isFinal, type Job } from './job'
import { LoopbackError, permission, sayHello, Session, type Permission } from './loopback'

/** How the portal's page stands with the agent on this computer. `relay`: not tried, jobs go by the portal. */
export interface Nearby {
  way: 'loopback' | 'relay'
  permission: Permission
  /** Why it is the relay: absent, denied, or a code of the portal or the agent; '' when it was not tried. */
  reason: string
  agentId: string
  version: string
}

let session: Session | null = null

/**
 * Says hello to the agent on this computer and opens a session with the portal's grant. It never throws: whatever goes wrong, jobs
 * go by the relay. Call it from a click while the permission is `prompt`, so that the browser's question does not come out of the blue.
 */
export async function connectNearby(): Promise<Nearby> {
  const relay = async (reason: string): Promise<Nearby> => ({ way: 'relay', permission: await permission(), reason, agentId: '', version: '' })
  try {
    const { nonce } = await body(api.POST('/agent/loopback/nonce'))
    const { base, reply } = await sayHello(nonce)
    const { grant } = await body(api.POST('/agent/loopback', { body: { nonce, hello: reply } }))
    session = await Session.open(base, grant)
    return { way: 'loopback', permission: await permission(), reason: '', agentId: reply.agentId, version: reply.version }
  } catch (error) {
    session = null
    return relay(error instanceof LoopbackError || hasCode(error) ? error.code : 'internal')
  }
}

const hasCode = (error: unknown): error is { code: string } =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'

/** As connectNearby where the browser will not ask anything; else it is not tried. */
export async function connectQuietly(): Promise<Nearby> {
  const state = await permission()
  if (state === 'granted' || state === 'unknown') return connectNearby()
  return { way: 'relay', permission: state, reason: state === 'denied' ? 'denied' : '', agentId: '', version: '' }
}

/**
 * Hands a job that was just started to the agent beside this page. The page follows the job at the portal either way, so what goes wrong
 * here costs a moment: the portal gives a job that nobody took to the relay.
 */
export async function handOver(job: Job): Promise<void> {
  if (!session || isFinal(job) || job.state !== 'waiting') return
  const take = () => body(api.POST('/agent/jobs/{id}/take', { params: { path: { id: job.id } } }))
  try {
    const handed = await take()
    const mine = session
    await mine.run(handed).catch(async (error: unknown) => {
      if (!(error instanceof LoopbackError) || error.code !== 'session_needed') throw error
      await connectNearby() // another tab has the session now, or it was idle; the ticket is unused and still good
      await session?.run(handed)
    })
  } catch (error) {
    if (!(error instanceof LoopbackError)) return // the portal: the relay was faster
    session = null
    await take().catch(() => undefined) // the agent is gone; asked again, the portal gives the job to the relay
  }
}
