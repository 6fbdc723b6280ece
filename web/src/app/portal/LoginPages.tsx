import { useLocation, useNavigate } from 'react-router'
import { isStaff, type Session } from '@/api/session'
import { LoginPanel } from '@/features/accounts/parts/LoginPanel'
import { useText as useAccountText } from '@/features/accounts/text'
import { SecondStep } from '@/features/factors/parts/SecondStep'
import { ProjectPage } from '@/features/projects/pages/ProjectPage'
import { LinkButton } from '@/ui/LinkButton'
import { Title } from '@/ui/Title'
import { placeAfterLogin } from './guards'
import { useText } from './text'

function useEnter() {
  const navigate = useNavigate()
  const { state } = useLocation()
  return (session: Session) => {
    if (isStaff(session)) location.assign('/admin')
    else void navigate(placeAfterLogin(session, state))
  }
}

/** /p/:slug with the login panel in it. */
export function ProjectLoginPage() {
  const enter = useEnter()
  return <ProjectPage login={(slug) => <LoginPanel project={slug} onLogin={enter} second={(pending, done, back) => <SecondStep pending={pending} onSession={done} back={back} />} />} />
}

/** /login: for those who come without a project. */
export function LoginPage() {
  const enter = useEnter()
  const t = useText()
  const { login } = useAccountText()
  return (
    <div className="page page-narrow" style={{ maxWidth: 460 }}>
      <Title text={login.page} extra={<LinkButton to="/">{t.home}</LinkButton>} />
      <p className="quiet">{login.toProjects}</p>
      <LoginPanel onLogin={enter} second={(pending, done, back) => <SecondStep pending={pending} onSession={done} back={back} />} />
    </div>
  )
}
