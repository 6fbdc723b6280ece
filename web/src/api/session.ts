import { queryOptions, type QueryClient } from '@tanstack/react-query'
import { learnServerTime } from '@/lib/clock'
import { api, body, type Schema } from './client'
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
      return session
    } catch (error) {
      if (isSignedOut(error)) return null
      throw error
    }
  },
})

/**
 * Another person, or nobody, is at the page now. All that was read for the one before is dropped; what is the
 * same for everyone stays, because pages on screen are watching it.
 */
export function changePerson(client: QueryClient, session: Session | null): void {
  const common = ['session', 'captcha', 'project', 'projects']
  client.setQueryData(sessionQuery.queryKey, session)
  client.removeQueries({ predicate: ({ queryKey }) => !common.includes(String(queryKey[0])) })
}

export const isStaff = (session: Session) => session.role !== 'holder'

/** Does the person hold one of these roles? */
export const has = (session: Session, ...roles: Role[]) => roles.some((role) => session.roles.includes(role))
