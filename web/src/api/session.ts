import { queryOptions, type QueryClient } from '@tanstack/react-query'
import { learnServerTime } from '@/lib/clock'
import { api, body, organisation, type Schema } from './client'
import { isSignedOut } from './refusal'

export type Session = Schema<'Session'>
export type Role = Schema<'Role'>

/** Who am I; null = signed out, which is an answer and no failure. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: 60_000,
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      const session = await body(api.GET('/session', { signal }))
      learnServerTime(session.serverTime)
      organisation.set(session.organisationId ?? '')
      return session
    } catch (error) {
      if (isSignedOut(error)) {
        organisation.set('')
        return null
      }
      throw error
    }
  },
})

const elsewhere = { channel: 'signet.organisation', key: ['organisation-changed'] as const }

/** True once the session acts for another organisation than this page was loaded for: nothing on it may be used any more. */
export const staleQuery = queryOptions({ queryKey: elsewhere.key, staleTime: Infinity, queryFn: () => false })

export const markStale = (client: QueryClient) => client.setQueryData(staleQuery.queryKey, true)

/** Tells the other tabs that the session acts for another organisation now. */
export function tellTabs(id: string): void {
  const channel = new BroadcastChannel(elsewhere.channel)
  channel.postMessage(id)
  channel.close()
}

/** Hears of it; the answer ends the listening. */
export function hearTabs(client: QueryClient): () => void {
  const channel = new BroadcastChannel(elsewhere.channel)
  channel.onmessage = ({ data }) => data !== organisation.is() && markStale(client)
  return () => channel.close()
}

/**
 * Another person, or nobody, is at the page now. All that was read for the one before is dropped; what is the
 * same for everyone stays, because pages on screen are watching it.
 */
export function changePerson(client: QueryClient, session: Session | null): void {
  const common = ['session', 'captcha', 'project', 'projects']
  organisation.set(session?.organisationId ?? '')
  client.setQueryData(sessionQuery.queryKey, session)
  client.removeQueries({ predicate: ({ queryKey }) => !common.includes(String(queryKey[0])) })
}

export const isStaff = (session: Session) => session.role !== 'holder'

/** Does the person hold one of these roles? */
export const has = (session: Session, ...roles: Role[]) => roles.some((role) => session.roles.includes(role))
