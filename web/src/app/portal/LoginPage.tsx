import { LoginPanel } from '@/features/accounts/parts/LoginPanel'
import { useEntryText } from '@/features/accounts/entryText'
import { LinkButton } from '@/ui/LinkButton'
import { Title } from '@/ui/Title'
import { second, useEnter } from './enter'
import { useText } from './text'

/** /login: for those who come without a project. */
export function LoginPage() {
  const enter = useEnter()
  const t = useText()
  const { login } = useEntryText()
  return (
    <div className="page page-narrow" style={{ maxWidth: 460 }}>
      <Title text={login.page} extra={<LinkButton to="/">{t.home}</LinkButton>} />
      <p className="quiet">{login.toProjects}</p>
      <LoginPanel onLogin={enter} second={second} />
    </div>
  )
}
