import { useMutation } from '@tanstack/react-query'
import { Button, Tooltip } from 'antd'
import { useNavigate } from 'react-router'
import type { Schema } from '@/api/client'
import { codeOf } from '@/api/refusal'
import { useLanguage } from '@/i18n/language'
import { problemText } from '@/i18n/problemText'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { startRenewal } from '../queries'
import { useText } from '../text'

type Certificate = Schema<'Certificate'>

/** 补办 解锁 延期 变更, exactly these four. What cannot be done says why. Source: S002-38, 40, 41. */
export function CertificateActions({ certificate }: { certificate: Certificate }) {
  const t = useText()
  const navigate = useNavigate()
  const start = useMutation({ ...startRenewal, onSuccess: (application) => void navigate(`/account/applications/${application.id}`) })
  const serial = certificate.serialHex
  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row" style={{ gap: 6 }}>
        <Barred label={t.actions.replace} why={t.soon} testId={`certificate-replace-${serial}`} />
        <Barred label={t.actions.unlock} why={t.soon} testId={`certificate-unlock-${serial}`} />
        <Extend certificate={certificate} start={() => start.mutate(certificate.id)} busy={start.isPending} />
        <Barred label={t.actions.change} why={t.soon} testId={`certificate-change-${serial}`} />
      </div>
      <Problem error={start.error} testId={`certificate-extend-${serial}-problem`} />
      {codeOf(start.error) === 'service_unpaid' && <div><LinkButton size="small" to="/account/services">{t.toService}</LinkButton></div>}
    </div>
  )
}

function Extend({ certificate, start, busy }: { certificate: Certificate; start: () => void; busy: boolean }) {
  const t = useText()
  const { language } = useLanguage()
  const testId = `certificate-extend-${certificate.serialHex}`
  if (certificate.openApplicationId) {
    return <LinkButton size="small" type="primary" to={`/account/applications/${certificate.openApplicationId}`} data-testid={testId}>{t.goOn}</LinkButton>
  }
  const block = certificate.renewBlock
  if (!certificate.renewable && block !== 'service_unpaid') {
    const why = certificate.state === 'superseded' ? t.notMine : problemText(block ?? 'certificate_not_renewable', {}, language)
    return <Barred label={t.actions.extend} why={why} testId={testId} />
  }
  return (
    <Button size="small" type="primary" loading={busy} onClick={start} aria-label={t.extendAria(certificate.serialHex)} data-testid={testId}>
      {t.actions.extend}
    </Button>
  )
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
