import { LoginPanel } from '@/features/accounts/parts/LoginPanel'
import { ProjectPage } from '@/features/projects/pages/ProjectPage'
import { second, useEnter } from './enter'

/** /p/:slug with the login panel in it. */
export function ProjectLoginPage() {
  const enter = useEnter()
  return <ProjectPage login={(slug) => <LoginPanel project={slug} onLogin={enter} second={second} />} />
}
