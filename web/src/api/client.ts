import createClient from 'openapi-fetch'
import { Refusal, unreachable } from './refusal'
import type { components, paths } from './schema.gen'

/** The schemas of the contract, by name: `Schema<'Order'>`. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name]

/** The self-service API on the same origin; the session cookie travels by itself. */
export const api = createClient<paths>({ baseUrl: '/api/v1', credentials: 'same-origin' })

let loadedFor = ''

/**
 * For which organisation this page was loaded; '' = for none. The session is the browser's and may act for another one by now, by a switch or
 * a login in another tab: the server is told with every request, and refuses it then.
 */
export const organisation = {
  is: () => loadedFor,
  set: (id: string) => {
    loadedFor = id
  },
  header: 'Signet-Organisation',
}

api.use({
  onRequest({ request }) {
    if (loadedFor) request.headers.set(organisation.header, loadedFor)
    return request
  },
})

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/**
 * The body of a call, or a thrown Refusal. Nothing else is thrown: a dead network, a proxy's HTML page and
 * a problem document all arrive as a Refusal with a code that has a text.
 */
export async function body<T>(call: Promise<Answer<T>>): Promise<T> {
  const answer = await call.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw unreachable()
  })
  if (answer.response.ok) return answer.data as T
  throw Refusal.from(answer.error, answer.response.status)
}
