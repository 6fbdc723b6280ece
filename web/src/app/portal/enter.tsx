import { lazy, Suspense, type ComponentProps } from 'react'
import { useLocation, useNavigate } from 'react-router'
import { isStaff, type Session } from '@/api/session'
import type { LoginPanel } from '@/features/accounts/parts/LoginPanel'
import { Loading } from '@/ui/Ready'
import { placeAfterLogin } from './guards'

export function useEnter() {
  const navigate = useNavigate()
  const { state } = useLocation()
  return (session: Session) => {
    if (isStaff(session)) location.assign('/admin')
    else void navigate(placeAfterLogin(session, state))
  }
}

// Few have a second factor; nobody else loads its step.
const SecondStep = lazy(async () => ({ default: (await import('@/features/factors/parts/SecondStep')).SecondStep }))

export const second: ComponentProps<typeof LoginPanel>['second'] = (pending, done, back) => (
  <Suspense fallback={<Loading />}>
    <SecondStep pending={pending} onSession={done} back={back} />
  </Suspense>
)
