import { useQuery } from '@tanstack/react-query'
import { Navigate, useLocation } from 'react-router'
import { sessionQuery } from '@/api/session'
import { AgreementPage } from '@/features/accounts/pages/AgreementPage'
import { loginPath } from '@/lib/place'
import { Ready } from '@/ui/Ready'
import { placeAfterLogin } from './guards'

/** The one page that a login reaches while a new agreement waits, and only then; after it the way goes on to where it led. */
export function AgreementGate() {
  const query = useQuery(sessionQuery)
  const { state } = useLocation()
  return (
    <Ready query={query}>
      {(session) => {
        if (!session) return <Navigate to={loginPath()} replace />
        return session.agreementDue && !session.supplementRequired ? <AgreementPage /> : <Navigate to={placeAfterLogin(session, state)} replace />
      }}
    </Ready>
  )
}
