import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { Refusal } from '@/api/refusal'
import { isFinal, jobRefusal, type Job, type TokenKey } from './job'
import { connectQuietly, handOver } from './nearby'

const pollSeconds = 20

export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: async ({ signal }) => (await body(api.GET('/agents', { signal }))).items,
  staleTime: 2_000,
  // The assistant is started in another window; its arrival must show here by itself.
  refetchInterval: (query) => (query.state.data?.some((agent) => agent.online) ? 15_000 : 3_000),
  refetchIntervalInBackground: true,
})

export const unpair = mutationOptions({
  mutationKey: ['agents', 'unpair'],
  meta: { changes: [['agents']] },
  mutationFn: (id: string) => body(api.DELETE('/agents/{id}', { params: { path: { id } } })),
})

export const newPairing = mutationOptions({
  mutationKey: ['pairing'],
  mutationFn: () => body(api.POST('/agent/pairings')),
})

export const pairingQuery = (id: string) =>
  queryOptions({
    queryKey: ['pairing', id],
    queryFn: ({ signal }) => body(api.GET('/agent/pairings/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data && query.state.data.state !== 'waiting' ? false : 2_000),
    refetchIntervalInBackground: true,
  })

/** The agent on this computer, found once a visit; asking the browser's permission is for a click. */
export const nearbyQuery = queryOptions({
  queryKey: ['nearby'],
  staleTime: Infinity,
  gcTime: Infinity,
  queryFn: connectQuietly,
})

/** A job, followed by long polls until it has ended. */
export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ['job', id],
    staleTime: 0,
    queryFn: ({ signal, client }) => poll(id, client.getQueryData<Job>(['job', id]), signal),
    refetchInterval: (query) => {
      const { data, error } = query.state
      if (data && isFinal(data)) return false
      if (error) return error instanceof Refusal && error.code === 'not_found' ? false : 3_000
      return 200
    },
    refetchIntervalInBackground: true, // the PIN is typed in another window
  })

async function poll(id: string, seen: Job | undefined, signal: AbortSignal): Promise<Job> {
  if (seen && isFinal(seen)) return seen
  const query = seen ? { wait: pollSeconds, seen: seen.revision } : { wait: 0 }
  return body(api.GET('/agent/jobs/{id}', { params: { path: { id }, query }, signal }))
}

/** Follows a job to its end; throws why it ended badly. */
export async function ended(job: Job, signal: AbortSignal): Promise<Job> {
  void handOver(job)
  while (!isFinal(job)) job = await poll(job.id, job, signal)
  const refusal = jobRefusal(job)
  if (refusal) throw refusal
  return job
}

/** The keys that staff sign with, and whether they must. */
export const staffKeysQuery = queryOptions({ queryKey: ['staff', 'keys'], queryFn: ({ signal }) => body(api.GET('/staff/keys', { signal })) })

/** What a decision says with the signature of whoever decides, where staff sign with keys: the server gives the words first. */
export async function signedDecision<Decision extends object>(decision: Decision, words: () => Promise<{ text: string }>): Promise<Decision & { signature?: string }> {
  const { required } = await body(api.GET('/staff/keys'))
  return required ? { ...decision, signature: await signStaffText((await words()).text) } : decision
}

/** Has the person's own assistant sign a text; the CMS message, in base64. */
export async function signStaffText(text: string): Promise<string> {
  const job = await ended(await body(api.POST('/staff/signatures', { body: { text } })), AbortSignal.timeout(600_000))
  return job.result?.signature ?? ''
}

/** Has the assistant prove a key of one's own, which another person then confirms. */
export const bindStaffKey = (request: Schema<'BindStaffKeyRequest'>) => body(api.POST('/staff/keys', { body: request }))

export const startJob = (request: Schema<'CreateJobRequest'>) => body(api.POST('/agent/jobs', { body: request }))

export const cancelJob = (id: string) => body(api.POST('/agent/jobs/{id}/cancel', { params: { path: { id } } }))

/** The keys plugged in where the assistant runs. A job of its own each time: what was there a minute ago may be pulled out. */
export const keysQuery = (agentId: string) =>
  queryOptions({
    queryKey: ['keys', agentId],
    staleTime: 20_000,
    retry: false,
    queryFn: async ({ signal }): Promise<TokenKey[]> => {
      return (await ended(await startJob({ op: 'list', agentId }), signal)).result?.keys ?? []
    },
    // With no key in, look again: the person is about to plug one in.
    refetchInterval: (query) => (query.state.data?.length === 0 ? 4_000 : false),
  })
