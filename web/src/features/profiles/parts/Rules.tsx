import { useX509 } from '@/i18n/x509'
import { Facts } from '@/ui/Facts'
import { Rows } from '@/ui/Rows'
import type { Profile } from '../queries'
import { useSpan, useText } from '../text'

const anyPolicy = '2.5.29.32.0' // RFC 5280 §4.2.1.4

/** A profile in words. */
export function Rules({ of }: { of: Profile }) {
  const t = useText()
  const x = useX509()
  const span = useSpan()
  const critical = (is: boolean) => (is ? ` (${x.critical})` : '')
  const listed = (list: string[], of: (one: string) => string) => (list.length > 0 ? list.map(of).join(t.comma) : t.nothing)
  const field = (name: string) => `${t.fields[name as keyof typeof t.fields] ?? ''} ${name}`.trim()
  return (
    <section className="stack" aria-label={t.rules} data-testid="profile-rules">
      <Facts
        facts={[
          { key: 'id', label: t.facts.id, value: <span className="mono">{of.id}</span> },
          { key: 'cas', label: t.facts.cas, value: of.cas.length > 0 ? <span className="mono">{of.cas.join(', ')}</span> : t.unused },
          { key: 'keys', label: t.facts.keys, value: of.keys.join(', ') },
          { key: 'valid', label: t.facts.valid, value: t.validity(span(of.validFor), span(of.longestFor)) },
          {
            key: 'usage',
            label: `${t.facts.usage}${critical(of.usageCritical)}`,
            value: of.usage.map((u) => <div key={u.keys.join()}>{of.usage.length > 1 && <strong>{u.keys.join(', ')}{t.colon}</strong>}{listed(u.bits, x.usage)}</div>),
          },
          { key: 'extended', label: `${t.facts.extended}${critical(of.extendedUsageCritical)}`, value: listed(of.extendedUsage, x.usage) },
          { key: 'policies', label: t.facts.policies, value: listed(of.policies, (oid) => (oid === anyPolicy ? `${t.anyPolicy} ${oid}` : oid)) },
          { key: 'constraints', label: t.facts.constraints, value: of.ca ? t.authority(of.pathLength) : t.endEntity },
          { key: 'hosts', label: t.facts.hosts, value: of.hosts > 0 ? t.hosts(of.hosts, of.wildcards) : t.noHosts },
          { key: 'backdate', label: t.facts.backdate, value: span(of.backdate) },
          ...(of.permitted.length + of.excluded.length > 0
            ? [{ key: 'names', label: t.facts.names, value: <>{t.permitted}{t.colon}{listed(of.permitted, String)}<br />{t.excluded}{t.colon}{listed(of.excluded, String)}</> }]
            : []),
          ...(of.noCheck || of.nullParams ? [{ key: 'more', label: t.facts.more, value: [of.noCheck ? t.noCheck : '', of.nullParams ? t.nullParams : ''].filter(Boolean).join(t.comma) }] : []),
        ]}
      />
      <h2 className="title" style={{ margin: 0 }}>{t.subject}</h2>
      <div className="panel dense">
        <Rows
          label={t.subject}
          rows={of.subject}
          rowKey={(a) => a.oid}
          empty={t.nothing}
          columns={[
            { key: 'attr', title: t.subjectColumns.attr, cell: (a) => <>{x.attribute(a.attr)} <span className="mono quiet">{a.oid}</span></> },
            { key: 'need', title: t.subjectColumns.need, cell: (a) => [a.required ? t.required : t.optional, a.most > 1 ? t.most(a.most) : ''].filter(Boolean).join(t.comma) },
            { key: 'value', title: t.subjectColumns.value, cell: (a) => [a.default ? t.standard(a.default) : '', a.values.length > 0 ? t.only(a.values.join(t.or)) : ''].filter(Boolean).join(t.comma) || '—' },
          ]}
        />
      </div>
      {of.identity.length > 0 && (
        <>
          <h2 className="title" style={{ margin: 0 }}>{t.identity}</h2>
          <div className="panel dense">
            <Rows
              label={t.identity}
              rows={of.identity}
              rowKey={(f) => f.oid}
              empty={t.nothing}
              columns={[
                { key: 'oid', title: t.identityColumns.oid, cell: (f) => <>{x.extension(f.oid)} <span className="mono quiet">{f.oid}</span></> },
                { key: 'fields', title: t.identityColumns.fields, cell: (f) => f.fields.map(field).join(t.or) },
                { key: 'when', title: t.identityColumns.when, cell: (f) => f.flag ? t.flagged(f.flag) : f.required ? t.must : t.always },
              ]}
            />
          </div>
        </>
      )}
    </section>
  )
}
