import { useMutation } from '@tanstack/react-query'
import { App, Button, Tooltip } from 'antd'
import dayjs from 'dayjs'
import { useNavigate } from 'react-router'
import type { Schema } from '@/api/client'
import { codeOf } from '@/api/refusal'
import { useCommon } from '@/i18n/common'
import { useLanguage } from '@/i18n/language'
import { problemText } from '@/i18n/problemText'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { startApplication, startRenewal, usePhone } from '../queries'
import { useText } from '../text'
import { SealChoice } from './Seals'

type Certificate = Schema<'Certificate'>

/** 补办 解锁 延期 变更, exactly these four. What cannot be done says why. Source: S002-38, 40, 41. */
export function CertificateActions({ certificate }: { certificate: Certificate }) {
  const t = useText()
  const navigate = useNavigate()
  const open = (application: Schema<'Application'>) => void navigate(`/account/applications/${application.id}`)
  const start = useMutation({ ...startRenewal, onSuccess: open })
  const apply = useMutation({ ...startApplication, onSuccess: open })
  const serial = certificate.serialHex
  const sealed = codeOf(start.error) === 'sealed_bids'
  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row" style={{ gap: 6 }}>
        <Replace certificate={certificate} start={() => apply.mutateAsync({ kind: 'replace', certificateId: certificate.id })} />
        <Unlock certificate={certificate} />
        <Extend certificate={certificate} start={() => start.mutate({ id: certificate.id })} review={() => apply.mutate({ kind: 'renew', certificateId: certificate.id })} busy={start.isPending || apply.isPending} />
        <Change certificate={certificate} />
      </div>
      {sealed && <SealChoice certificateId={certificate.id} close={start.reset} choose={(sealConsent) => start.mutate({ id: certificate.id, sealConsent })} />}
      <Problem error={(sealed ? null : start.error) ?? apply.error} testId={`certificate-extend-${serial}-problem`} />
      {codeOf(start.error) === 'service_unpaid' && <div><LinkButton size="small" to="/account/services">{t.toService}</LinkButton></div>}
    </div>
  )
}

/** Why nothing can be done with a certificate that is over. Nil/zero: "" = something can. */
function useOver({ state }: Certificate): string {
  const t = useText()
  const { language } = useLanguage()
  return state === 'superseded' ? t.notMine : state === 'revoked' ? problemText('certificate_revoked', {}, language) : ''
}

/** 补办业务告知, then the application. Source: S002-54. */
function Replace({ certificate, start }: { certificate: Certificate; start: () => Promise<unknown> }) {
  const t = useText()
  const common = useCommon()
  const { modal } = App.useApp()
  const phone = usePhone()
  const why = useOver(certificate)
  const testId = `certificate-replace-${certificate.serialHex}`
  if (why) return <Barred label={t.actions.replace} why={why} testId={testId} />
  const ask = () =>
    void modal.confirm({
      title: t.replaceTitle,
      content: <span data-testid="replace-text">{t.replaceText(phone)}</span>,
      okText: common.goOn,
      cancelText: common.close,
      okButtonProps: { 'data-testid': 'replace-confirm' },
      onOk: () => start().catch(() => undefined), // said below the row
    })
  return <Button size="small" onClick={ask} aria-label={t.aria(t.actions.replace, certificate.serialHex)} data-testid={testId}>{t.actions.replace}</Button>
}

/** 风险告知, then the page that compares the ways. Source: S002-42, 44. */
function Change({ certificate }: { certificate: Certificate }) {
  const t = useText()
  const common = useCommon()
  const { modal } = App.useApp()
  const navigate = useNavigate()
  const why = useOver(certificate)
  const testId = `certificate-change-${certificate.serialHex}`
  if (why) return <Barred label={t.actions.change} why={why} testId={testId} />
  const ask = () =>
    void modal.confirm({
      title: t.riskTitle,
      content: <span data-testid="change-risk">{t.riskText}</span>,
      okText: common.goOn,
      cancelText: common.close,
      okButtonProps: { 'data-testid': 'change-confirm' },
      onOk: () => void navigate(`/account/certificates/${certificate.id}/change`),
    })
  return <Button size="small" onClick={ask} aria-label={t.aria(t.actions.change, certificate.serialHex)} data-testid={testId}>{t.actions.change}</Button>
}

/** 挂失 解挂 吊销, on the certificate's own page: the list keeps to the seed's four. */
export function MoreActions({ certificate }: { certificate: Certificate }) {
  const t = useText()
  const navigate = useNavigate()
  const apply = useMutation({ ...startApplication, onSuccess: (application) => void navigate(`/account/applications/${application.id}`) })
  const { state, id } = certificate
  if (state === 'revoked' || state === 'superseded') return null
  const button = (kind: 'suspend' | 'resume' | 'revoke') => (
    <Button danger={kind === 'revoke'} loading={apply.isPending && apply.variables.kind === kind} onClick={() => apply.mutate({ kind, certificateId: id })} data-testid={`certificate-${kind}`}>{t.more[kind]}</Button>
  )
  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row">
        {state === 'suspended' ? button('resume') : state !== 'expired' && button('suspend')}
        {state !== 'expired' && button('revoke')}
      </div>
      <Problem error={apply.error} testId="certificate-more-problem" />
    </div>
  )
}

interface ExtendProps {
  certificate: Certificate
  start: () => void
  /** By review: what an expired certificate still has. */
  review: () => void
  busy: boolean
}

function Extend({ certificate, start, review, busy }: ExtendProps) {
  const t = useText()
  const { language } = useLanguage()
  const testId = `certificate-extend-${certificate.serialHex}`
  if (certificate.openApplicationId) {
    return <LinkButton size="small" type="primary" to={`/account/applications/${certificate.openApplicationId}`} data-testid={testId}>{t.goOn}</LinkButton>
  }
  const block = certificate.renewBlock
  const byReview = block === 'certificate_expired' && !dayjs().isAfter(certificate.renewUntil)
  if (!certificate.renewable && block !== 'service_unpaid' && !byReview) {
    const why = certificate.state === 'superseded' ? t.notMine : problemText(block ?? 'certificate_not_renewable', certificate.renewFrom ? { from: certificate.renewFrom } : {}, language)
    return <Barred label={t.actions.extend} why={why} testId={testId} />
  }
  return (
    <Button size="small" type="primary" loading={busy} onClick={byReview ? review : start} aria-label={t.aria(t.actions.extend, certificate.serialHex)} data-testid={testId}>
      {t.actions.extend}
    </Button>
  )
}

/** 解锁 asks first, then leads to the application. Source: S002-52. */
function Unlock({ certificate }: { certificate: Certificate }) {
  const t = useText()
  const common = useCommon()
  const { modal } = App.useApp()
  const navigate = useNavigate()
  const testId = `certificate-unlock-${certificate.serialHex}`
  const why = useOver(certificate)
  if (why) return <Barred label={t.actions.unlock} why={why} testId={testId} />
  const ask = () =>
    void modal.confirm({
      title: t.actions.unlock,
      content: t.unlockAsk,
      okText: common.confirm,
      cancelText: common.cancel,
      okButtonProps: { 'data-testid': 'unlock-confirm' },
      cancelButtonProps: { 'data-testid': 'unlock-cancel' },
      onOk: () => void navigate(`/account/certificates/${certificate.id}/unlock`),
    })
  return <Button size="small" onClick={ask} aria-label={t.aria(t.actions.unlock, certificate.serialHex)} data-testid={testId}>{t.actions.unlock}</Button>
}

/** A disabled action that can still be reached by keyboard, so that its reason can be read. */
function Barred({ label, why, testId }: { label: string; why: string; testId: string }) {
  return (
    <Tooltip title={why} trigger={['hover', 'focus', 'click']}>
      <Button size="small" aria-disabled="true" aria-description={why} data-testid={testId} style={{ color: '#5f6b7a', background: '#f1f3f6', cursor: 'not-allowed' }}>
        {label}
      </Button>
    </Tooltip>
  )
}
