import { Alert } from 'antd'
import { useEffect, useRef } from 'react'
import type { Schema } from '@/api/client'
import { moment } from '@/lib/time'
import { Facts, type Fact } from '@/ui/Facts'
import { Period } from '@/ui/Period'
import { StateTag } from '@/ui/StateTag'
import { useText } from '../text'

const looks = { valid: 'success', invalid: 'error', indeterminate: 'warning' } as const

/** Verdict first, then why, then who. */
export function Report({ report }: { report: Schema<'VerifyReport'> }) {
  const t = useText()
  const top = useRef<HTMLDivElement>(null)
  useEffect(() => top.current?.scrollIntoView({ block: 'nearest' }), [report])
  return (
    <div className="stack" style={{ marginTop: 20 }} ref={top} data-testid="verify-report" data-verdict={report.verdict}>
      <Alert
        type={looks[report.verdict]}
        showIcon
        role="status"
        title={<strong data-testid="verify-verdict">{t.verdicts[report.verdict]}</strong>}
        description={t.verdictHints[report.verdict]}
      />
      <section className="panel">
        <h2 className="title">{t.reasons}</h2>
        <ul className="stack" style={{ listStyle: 'none', margin: 0, padding: 0, gap: 8 }}>
          {report.reasons.map((reason, index) => <Reason key={index} reason={reason} />)}
        </ul>
      </section>
      {report.signers.map((signer, index) => <Signer key={index} signer={signer} number={index + 1} />)}
      <section className="panel">
        <h2 className="title">{t.times}</h2>
        <Facts facts={[
          { key: 'checked', label: t.checkedAt, value: moment(report.checkedAt) },
          { key: 'at', label: t.judgedAt, value: moment(report.at) },
        ]} />
      </section>
    </div>
  )
}

function Reason({ reason }: { reason: Schema<'VerifyReason'> }) {
  const t = useText()
  const codes: Partial<Record<string, string>> = t.codes
  const text = codes[reason.code]
  return (
    <li className="row" data-testid={`verify-reason-${reason.code}`} data-ok={reason.ok}>
      <StateTag tone={reason.ok ? 'good' : 'bad'} text={reason.ok ? t.pass : t.fail} />
      <span className="wrap">{text ?? reason.detail}</span>
      {text && !reason.ok && <span className="quiet wrap" lang="en">{reason.detail}</span>}
    </li>
  )
}

function Signer({ signer, number }: { signer: Schema<'VerifySigner'>; number: number }) {
  const t = useText()
  const { revocation } = signer
  const facts: Fact[] = [
    { key: 'org', label: t.org, value: signer.organisation || '—' },
    { key: 'uscc', label: t.uscc, value: signer.uscc || '—' },
    { key: 'orgCode', label: t.orgCode, value: signer.orgCode || '—' },
    { key: 'serial', label: t.serial, value: <span className="mono">{signer.serialHex}</span> },
    { key: 'subject', label: t.subject, value: signer.subject },
    { key: 'issuer', label: t.issuer, value: signer.issuer },
    { key: 'period', label: t.period, value: <Period from={signer.notBefore} to={signer.notAfter} word={t.to} /> },
    { key: 'algorithm', label: t.algorithm, value: signer.sigAlg || signer.keyAlg || '—' },
    { key: 'revocation', label: t.revocation, value: `${t.statuses[revocation.status]} (${t.sources[revocation.source]}${revocation.at ? `, ${moment(revocation.at)}` : ''})` },
    { key: 'signingTime', label: t.signingTime, value: moment(signer.signingTime) },
  ]
  const { timeStamp } = signer
  if (timeStamp) {
    facts.push({ key: 'timeStamp', label: t.timeStamp, value: `${moment(timeStamp.at)} (${timeStamp.authority})` })
  }
  return (
    <section className="panel stack" data-testid={`verify-signer-${number}`}>
      <h2 className="title" style={{ margin: 0 }}>{t.signer(number)}</h2>
      <Facts facts={facts} />
      <div>
        <strong>{t.path}</strong>
        <ol style={{ margin: '6px 0 0', paddingInlineStart: 22 }}>
          {signer.path.map((entry) => (
            <li key={entry.serialHex + entry.subject} className="wrap">{entry.subject} <span className="mono quiet">{entry.serialHex}</span></li>
          ))}
        </ol>
      </div>
    </section>
  )
}
