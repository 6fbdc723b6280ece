import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { StateTag } from './StateTag'

/** Where a person gets help, and whether anyone is there now. Source: S002-58. */
export function ContactBlock({ contact }: { contact: Schema<'Contact'> }) {
  const { service: t } = useCommon()
  const lines: [string, string | undefined][] = [
    [t.phone, contact.phone],
    [t.hours, contact.hours],
    [t.emergency, contact.emergency],
    [t.site, contact.site],
  ]
  return (
    <section aria-label={t.title} data-testid="contact">
      <div className="row" style={{ marginBottom: 8 }}>
        <h2 className="title" style={{ margin: 0 }}>{t.title}</h2>
        {contact.openNow && <StateTag tone="good" text={t.open} />}
      </div>
      {contact.openNow === false && <p className="quiet" style={{ margin: '0 0 8px' }}>{t.closed}</p>}
      <div className="stack" style={{ gap: 4 }}>
        {lines.filter(([, value]) => value).map(([label, value]) => (
          <div key={label}><span className="quiet">{label}</span> <span className="wrap">{value}</span></div>
        ))}
      </div>
    </section>
  )
}
