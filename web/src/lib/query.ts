import { MutationCache, QueryCache, QueryClient, type QueryKey } from '@tanstack/react-query'
import { organisation } from '@/api/client'
import { codeOf, Refusal, isSignedOut } from '@/api/refusal'
import { markStale, sessionQuery } from '@/api/session'

declare module '@tanstack/react-query' {
  interface Register {
    mutationMeta: {
      /** Which lists and details are out of date once this has succeeded. */
      changes?: readonly QueryKey[]
    }
  }
}

/**
 * The one cache. A 401 anywhere makes the session null, so the guards show the login and remember the place; a page that another
 * organisation's session has overtaken is stale as a whole;
 * a mutation says what it changes and the cache forgets that.
 */
export function newQueryClient(): QueryClient {
  const signedOut = (error: unknown) => {
    if (codeOf(error) === 'organisation_changed') markStale(client)
    if (!isSignedOut(error)) return
    organisation.set('')
    client.setQueryData(sessionQuery.queryKey, null)
  }
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: signedOut }),
    mutationCache: new MutationCache({
      onError: signedOut,
      onSuccess: (_data, _variables, _result, mutation) =>
        Promise.all((mutation.meta?.changes ?? []).map((queryKey) => client.invalidateQueries({ queryKey }))),
    }),
    defaultOptions: { queries: { staleTime: 10_000, retry: shouldRetry, refetchOnWindowFocus: true } },
  })
  return client
}

/** Only what may pass by itself is worth a second try; a refusal stays one. */
export function shouldRetry(failures: number, error: unknown): boolean {
  if (!(error instanceof Refusal)) return false
  return failures < 2 && (error.code === 'unreachable' || error.code === 'database_unavailable')
}
