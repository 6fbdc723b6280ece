import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Navigate, useLocation } from 'react-router'
import { sessionQuery, type Session } from '@/api/session'
import { backFrom, loginPath } from '@/lib/place'
import { Loading, Ready } from '@/ui/Ready'
import { PublicFrame } from './TopBar'

// The login page does without the account's frame.
const Shell = lazy(async () => ({ default: (await import('./Shell')).Shell }))

const supplementPath = '/account/supplement'
const agreementPath = '/account/agreement'

/** Where a person goes after logging in: the duty first, then where they were, then what waits for them. */
export function placeAfterLogin(session: Session, state: unknown): string {
  if (session.supplementRequired) return supplementPath
  if (session.agreementDue) return agreementPath
  return backFrom(state) ?? '/account/home'
}

/** Only for those logged in; the server checks again on every call. A lost session leads to the login and back. */
export function Account() {
  const query = useQuery(sessionQuery)
  const { pathname, search } = useLocation()
  return (
    <Ready query={query}>
      {(session) => {
        if (!session) return <Navigate to={loginPath()} replace state={{ back: pathname + search }} />
        if (session.supplementRequired) return <Navigate to={supplementPath} replace />
        if (session.agreementDue) return <Navigate to={agreementPath} replace state={{ back: pathname + search }} />
        return <Suspense fallback={<Loading />}><Shell session={session} /></Suspense>
      }}
    </Ready>
  )
}

/** Tools have the account's frame for those logged in and the public one for all others. */
export function Tools() {
  const query = useQuery(sessionQuery)
  return (
    <Ready query={query}>
      {(session) => (session && !session.supplementRequired && !session.agreementDue ? <Suspense fallback={<Loading />}><Shell session={session} /></Suspense> : <PublicFrame />)}
    </Ready>
  )
}
