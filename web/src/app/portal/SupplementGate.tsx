import { useQuery } from '@tanstack/react-query'
import { Navigate } from 'react-router'
import { sessionQuery } from '@/api/session'
import { SupplementPage } from '@/features/accounts/pages/SupplementPage'
import { loginPath } from '@/lib/place'
import { Ready } from '@/ui/Ready'

/** The one page a legacy login reaches, and only such a login. */
export function SupplementGate() {
  const query = useQuery(sessionQuery)
  return (
    <Ready query={query}>
      {(session) => {
        if (!session) return <Navigate to={loginPath()} replace />
        return session.supplementRequired ? <SupplementPage /> : <Navigate to="/account/services" replace />
      }}
    </Ready>
  )
}
