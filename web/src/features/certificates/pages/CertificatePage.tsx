import { useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { Link, useParams } from 'react-router'
import type { Schema } from '@/api/client'
import { save } from '@/lib/save'
import { moment } from '@/lib/time'
import { Facts, type Fact } from '@/ui/Facts'
import { LinkButton } from '@/ui/LinkButton'
import { Period } from '@/ui/Period'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { CertificateActions, MoreActions } from '../parts/CertificateActions'
import { CertificateTag } from '../parts/CertificateTag'
import { Seals } from '../parts/Seals'
import { certificateQuery } from '../queries'
import { useText } from '../text'

type Detail = Schema<'CertificateDetail'>

/** One certificate pair: what it says, what came before and after it, and its files. */
export function CertificatePage() {
  const t = useText()
  const { id = '' } = useParams()
  const query = useQuery(certificateQuery(id))
  return (
    <>
      <Title text={t.one} extra={<LinkButton to="/account/certificates">{t.detail.back}</LinkButton>} />
      <Ready query={query}>
        {(detail) => <Body detail={detail} />}
      </Ready>
    </>
  )
}

function Body({ detail }: { detail: Detail }) {
  const facts = useFacts(detail)
  return (
    <div className="stack" data-testid="certificate">
      <section className="panel stack">
        <Facts facts={facts} />
        <CertificateActions certificate={detail.certificate} />
        <MoreActions certificate={detail.certificate} />
      </section>
      <Seals certificateId={detail.certificate.id} />
      <Downloads detail={detail} />
    </div>
  )
}

function useFacts({ certificate: c, subject, predecessorId, successorId, revokedFor, revokedAt }: Detail): Fact[] {
  const t = useText()
  const d = t.detail
  const facts: Fact[] = [
    { key: 'serial', label: t.columns.serial, value: <span className="mono">{c.serialHex}</span> },
    { key: 'state', label: t.columns.state, value: <CertificateTag state={c.state} /> },
    { key: 'name', label: t.columns.name, value: c.name },
    { key: 'issuer', label: t.columns.issuer, value: c.issuerName },
    { key: 'period', label: t.columns.period, value: <Period from={c.notBefore} to={c.notAfter} word={t.to} /> },
    { key: 'keyAlg', label: d.keyAlg, value: c.keyAlg },
    { key: 'enc', label: d.encSerial, value: <span className="mono">{c.encSerialHex || '—'}</span> },
    { key: 'origin', label: d.origin, value: d.origins[c.origin] },
    { key: 'token', label: d.token, value: c.tokenSerial ? <Link className="mono" to={`/account/tokens/${encodeURIComponent(c.tokenSerial)}`} data-testid="certificate-token">{c.tokenSerial}</Link> : '—' },
    { key: 'subject', label: d.subject, value: subject },
  ]
  if (revokedFor) facts.splice(2, 0, { key: 'revoked', label: d.revoked, value: <span data-testid="certificate-revoked-for" data-reason={revokedFor}>{d.revokedFor[revokedFor]} · {moment(revokedAt)}</span> })
  if (predecessorId) facts.push({ key: 'predecessor', label: d.predecessor, value: <Link to={`/account/certificates/${predecessorId}`}>{d.predecessor}</Link> })
  if (successorId) facts.push({ key: 'successor', label: d.successor, value: <Link to={`/account/certificates/${successorId}`}>{d.successor}</Link> })
  return facts
}

function Downloads({ detail }: { detail: Detail }) {
  const { detail: t } = useText()
  const serial = detail.certificate.serialHex
  const files = [
    { name: `${serial}-sign.pem`, kind: 'sign', label: t.sign, pem: detail.signPem },
    { name: `${serial}-encrypt.pem`, kind: 'encrypt', label: t.encrypt, pem: detail.encPem },
    { name: `${serial}-chain.pem`, kind: 'chain', label: t.chain, pem: detail.chainPem },
  ]
  return (
    <section className="panel stack">
      <h2 className="title" style={{ margin: 0 }}>{t.downloads}</h2>
      <div className="row">
        {files.map(({ name, kind, label, pem }) => pem && (
          <Button key={name} onClick={() => save(name, pem, 'application/x-pem-file')} data-testid={`certificate-download-${kind}`}>{label}</Button>
        ))}
      </div>
      <details>
        <summary>{t.pem}</summary>
        <pre className="mono" style={{ whiteSpace: 'pre-wrap', fontSize: 12 }}>{detail.signPem}</pre>
      </details>
    </section>
  )
}
