import { Result } from 'antd'
import type { ReactNode } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { day, moment } from '@/lib/time'
import { Facts } from '@/ui/Facts'
import { LinkButton } from '@/ui/LinkButton'
import { StateTag } from '@/ui/StateTag'
import { useText } from '../text'

/** What was proved before we dare to say done, and the new certificate. */
export function DoneStep({ application }: { application: Schema<'Application'> }) {
  const { done: t } = useText()
  const { kinds } = useCommon()
  const { enrolment } = application
  return (
    <div className="stack" data-testid="wizard-done">
      <Result
        status="success"
        style={{ padding: '12px 0' }}
        title={t.title(kinds[application.kind])}
        subTitle={t.text}
        extra={[
          application.newCertificateId && (
            <LinkButton key="view" type="primary" to={`/account/certificates/${application.newCertificateId}`} data-testid="wizard-new-certificate">{t.view}</LinkButton>
          ),
          <LinkButton key="try" to="/tools/sign">{t.try}</LinkButton>,
        ]}
      />
      {enrolment?.proof && <Proof proof={enrolment.proof} />}
      {enrolment && (
        <section>
          <h2 className="title">{t.fresh}</h2>
          <Facts
            facts={[
              { key: 'sign', label: t.signSerial, value: <span className="mono" data-testid="wizard-new-serial">{enrolment.signSerialHex || '—'}</span> },
              { key: 'enc', label: t.encSerial, value: <span className="mono">{enrolment.encSerialHex || '—'}</span> },
              { key: 'issuer', label: t.issuer, value: enrolment.issuerName || '—' },
              { key: 'until', label: t.until, value: day(enrolment.notAfter) },
              { key: 'token', label: t.token, value: <span className="mono">{enrolment.tokenSerial || '—'}</span> },
            ]}
          />
        </section>
      )}
    </div>
  )
}

function Proof({ proof }: { proof: Schema<'EnrolmentProof'> }) {
  const { done: t } = useText()
  return (
    <section data-testid="wizard-proof">
      <h2 className="title">{t.proof}</h2>
      <div className="stack" style={{ gap: 8 }}>
        <Line ok={proof.signatureVerified} testId="wizard-proof-signature">{t.signature}</Line>
        <Line ok={proof.newKeyOpened} testId="wizard-proof-new">{t.newKey}</Line>
        <Line ok testId="wizard-proof-old">{proof.oldKeysOpened > 0 ? t.oldKeys(proof.oldKeysOpened) : t.noOldKeys}</Line>
        <span className="quiet">{t.at} {moment(proof.at)}</span>
      </div>
    </section>
  )
}

function Line({ ok, testId, children }: { ok: boolean; testId: string; children: ReactNode }) {
  const { done: t } = useText()
  return (
    <div className="row" data-testid={testId} data-ok={ok}>
      {ok ? <span role="img" aria-label="✓" style={{ color: '#22763a', fontWeight: 700 }}>✓</span> : <StateTag tone="bad" text={t.not} />}
      {children}
    </div>
  )
}
