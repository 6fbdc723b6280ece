import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Checkbox, Input, Select } from 'antd'
import { useState } from 'react'
import { useX509 } from '@/i18n/x509'
import { moment } from '@/lib/time'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { tryProfile, type Outcome, type Profile, type Trial as Request } from '../queries'
import { useText } from '../text'

// Codes with right check digits that belong to nobody: there is no division 990000, and no 000000.
const examples: Record<string, string> = {
  C: 'CN', ST: '示例省', L: '示例市', O: '示例有限公司', OU: '示例部门', CN: '示例有限公司', emailAddress: 'person@example.cn',
  uscc: '91990000MA0000015Q', orgCode: 'MA0000015', regNumber: '91990000MA0000015Q', personId: '000000200001010005',
}

/** What would be issued by a profile, without issuing it. */
export function Trial({ of }: { of: Profile }) {
  const t = useText()
  const x = useX509()
  const flags = of.identity.flatMap((f) => (f.flag ? [f.flag] : []))
  const fields = [...new Set(of.identity.flatMap((f) => f.fields))]
  const [ca, setCA] = useState(of.cas[0] ?? '')
  const [alg, setAlg] = useState(of.keys[0] ?? '')
  const [csr, setCSR] = useState('')
  const [subject, setSubject] = useState<Record<string, string>>({})
  const [values, setValues] = useState<Record<string, string>>({})
  const [hosts, setHosts] = useState('')
  const [on, setOn] = useState<string[]>([])
  const run = useMutation(tryProfile)
  if (of.cas.length === 0) return <p className="quiet">{t.noUse}</p>
  const edit = <Value,>(set: (value: Value) => void) => (value: Value) => {
    set(value)
    run.reset() // what was shown is not what would come of it
  }
  const filled = (from: Record<string, string>) => Object.entries(from).map(([name, value]) => ({ name, value: value.trim() })).filter(({ value }) => value)
  const request = (): Request => ({
    ca, profile: of.id, subject: filled(subject), fields: filled(values), hosts: hosts.split(/[\s,;，；]+/).filter(Boolean), flags: on,
    ...(csr.trim() ? { csr } : { alg }),
  })
  const fill = () => {
    edit(setSubject)(Object.fromEntries(of.subject.flatMap((a) => (a.required || a.attr === 'O' ? [[a.attr, a.values[0] ?? a.default ?? examples[a.attr] ?? 'x']] : []))))
    setValues(Object.fromEntries(fields.map((name) => [name, examples[name] ?? ''])))
    if (of.hosts > 0) setHosts('server.example.cn')
  }
  return (
    <section className="panel stack" aria-label={t.trial} style={{ padding: '16px 20px' }}>
      <h2 className="title" style={{ margin: 0 }}>{t.trial}</h2>
      <p style={{ margin: 0 }}>{t.trialHelp}</p>
      <div className="row">
        <label>{t.ca} <Select value={ca} aria-label={t.ca} style={{ minWidth: 120 }} onChange={edit(setCA)} options={of.cas.map((value) => ({ value, label: value }))} /></label>
        {!csr.trim() && <label>{t.alg} <Select value={alg} aria-label={t.alg} style={{ minWidth: 130 }} onChange={edit(setAlg)} options={of.keys.map((value) => ({ value, label: value }))} /></label>}
        {!csr.trim() && <span className="quiet">{t.made}</span>}
      </div>
      <div style={{ display: 'grid', gap: 12, gridTemplateColumns: 'repeat(auto-fill, minmax(min(240px, 100%), 1fr))' }}>
        {of.subject.map((a) => (
          <label key={a.oid}>
            {x.attribute(a.attr)}{a.required && !a.default && ' *'}
            <Input value={subject[a.attr] ?? ''} maxLength={200} placeholder={a.default ?? a.values.join(t.or)} data-testid={`trial-${a.attr}`} onChange={(event) => edit(setSubject)({ ...subject, [a.attr]: event.target.value })} />
          </label>
        ))}
        {fields.map((name) => (
          <label key={name}>
            {t.fields[name as keyof typeof t.fields] ?? name}
            <Input value={values[name] ?? ''} maxLength={200} data-testid={`trial-${name}`} onChange={(event) => edit(setValues)({ ...values, [name]: event.target.value })} />
          </label>
        ))}
      </div>
      {of.hosts > 0 && <label>{t.hostList}<Input.TextArea value={hosts} rows={2} maxLength={10_000} data-testid="trial-hosts" onChange={(event) => edit(setHosts)(event.target.value)} /></label>}
      {flags.length > 0 && (
        <div className="row" role="group" aria-label={t.flags}>
          {t.flags}
          {flags.map((flag) => (
            <Checkbox key={flag} checked={on.includes(flag)} onChange={(event) => edit(setOn)(event.target.checked ? [...on, flag] : on.filter((one) => one !== flag))} data-testid={`trial-flag-${flag}`}>
              {flag}
            </Checkbox>
          ))}
        </div>
      )}
      <label>{t.csr}<Input.TextArea value={csr} rows={3} maxLength={16_000} className="mono" aria-describedby="csr-help" data-testid="trial-csr" onChange={(event) => edit(setCSR)(event.target.value)} /></label>
      <p id="csr-help" className="quiet" style={{ margin: 0 }}>{t.csrHelp}</p>
      <Problem error={run.error} />
      <div className="row">
        <Button type="primary" loading={run.isPending} onClick={() => run.mutate(request())} data-testid="trial-run">{t.go}</Button>
        <Button onClick={fill} data-testid="trial-example">{t.example}</Button>
      </div>
      {run.data && <Shown outcome={run.data} />}
    </section>
  )
}

function Shown({ outcome }: { outcome: Outcome }) {
  const t = useText()
  const x = useX509()
  const { refused, findings, certificate: c } = outcome
  if (refused) return <Alert type="error" showIcon data-testid="trial-refused" title={`${t.refused}${t.colon}${t.refusals[refused.code]}`} description={<span className="mono">{refused.detail}</span>} />
  return (
    <div className="stack" data-testid="trial-outcome" data-findings={findings.length}>
      {findings.length === 0 ? <Alert type="success" showIcon title={t.passed} /> : (
        <Alert type="error" showIcon title={t.found(findings.length)} description={<ul>{findings.map((f) => <li key={f.rule + f.detail} className="wrap"><span className="mono">{f.rule}</span>{t.colon}{f.detail}</li>)}</ul>} />
      )}
      {c && (
        <>
          <h3 style={{ margin: 0 }}>{t.draft}</h3>
          <Facts
            facts={[
              { key: 'subject', label: t.draftFacts.subject, value: c.subject },
              { key: 'issuer', label: t.draftFacts.issuer, value: c.issuer },
              { key: 'valid', label: t.draftFacts.valid, value: `${moment(c.notBefore)} – ${moment(c.notAfter)}` },
              { key: 'serial', label: t.draftFacts.serial, value: <><span className="mono">{c.serialHex}</span> <span className="quiet">{t.serialNote}</span></> },
              { key: 'key', label: t.draftFacts.key, value: c.keyAlg },
              { key: 'sig', label: t.draftFacts.sig, value: c.sigAlg },
            ]}
          />
          <h3 style={{ margin: 0 }}>{t.extensions}</h3>
          <Facts
            columns={1}
            facts={c.extensions.map((e) => ({
              key: e.oid,
              label: `${x.extension(e.oid)}${e.critical ? ` (${x.critical})` : ''}`,
              value: <>{e.words.map(x.usage).join(' · ') || '—'} {x.extension(e.oid) !== e.oid && <span className="mono quiet">{e.oid}</span>}</>,
            }))}
          />
        </>
      )}
    </div>
  )
}
