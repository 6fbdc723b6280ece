import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Result } from 'antd'
import { useEffect } from 'react'
import { Navigate, useLocation, useNavigate } from 'react-router'
import type { Schema } from '@/api/client'
import { changePerson } from '@/api/session'
import { useCommon } from '@/i18n/common'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { SupplementForm } from '../parts/SupplementForm'
import { supplementQuery } from '../queries'
import { useText } from '../text'

export const supplementDonePath = '/account/supplement/done'

/** 补录并重置登陆信息: the only page a legacy login reaches. Source: S002-06…18. */
export function SupplementPage() {
  const { supplement: t } = useText()
  const navigate = useNavigate()
  const query = useQuery(supplementQuery)
  const done = (result: Schema<'SupplementDone'>) => void navigate(supplementDonePath, { replace: true, state: { result } })
  return (
    <div className="page page-narrow">
      <Title text={t.page} />
      <Alert type="info" showIcon title={t.why} style={{ marginBottom: 16 }} />
      <div className="panel">
        <h2 className="title">{t.heading}</h2>
        <Ready query={query}>{(supplement) => <SupplementForm supplement={supplement} done={done} />}</Ready>
      </div>
    </div>
  )
}

/** The success page stands outside the login: the server has ended every session of the old account. Source: S002-19, 20. */
export function SupplementDonePage() {
  const { supplement: t } = useText()
  const common = useCommon()
  const client = useQueryClient()
  const result = doneFrom(useLocation().state)
  useEffect(() => {
    changePerson(client, null)
  }, [client])
  if (!result) return <Navigate to="/" replace />
  return (
    <div className="page page-narrow">
      <Title text={t.page} />
      <Result
        status="success"
        title={<span data-testid="supplement-done">{t.done}</span>}
        subTitle={<>{t.doneText(result.login)}<br />{t.doneHow}</>}
        extra={[
          <LinkButton key="home" type="primary" to="/" data-testid="supplement-home">{common.home}</LinkButton>,
          <LinkButton key="login" to={`/p/${encodeURIComponent(result.projectSlug)}`} data-testid="supplement-login">{t.toLogin}</LinkButton>,
        ]}
      />
    </div>
  )
}

function doneFrom(state: unknown): Schema<'SupplementDone'> | null {
  if (typeof state !== 'object' || state === null || !('result' in state)) return null
  return state.result as Schema<'SupplementDone'>
}
