import { Alert } from 'antd'
import { yuan } from '@/lib/money'
import { ContactBlock } from '@/ui/ContactBlock'
import { filled, type Content, type Holidays, type Notice, type Project } from '../documents'
import { useText } from '../text'

/** What companies will see. */
export function Preview({ content }: { content: Content }) {
  switch (content.kind) {
    case 'project':
      return <ProjectPreview project={content.document} />
    case 'holidays':
      return <HolidayPreview holidays={content.document} />
    case 'notice':
      return <NoticePreview notice={content.document} />
    case 'agreement':
      return (
        <>
          <h3 style={{ marginTop: 0 }}>{content.document.title}{' · '}{content.document.version}</h3>
          <div className="wrap" style={{ whiteSpace: 'pre-wrap' }}>{content.document.text}</div>
        </>
      )
  }
}

function ProjectPreview({ project }: { project: Project }) {
  const { project: t, kindNames, materialNames, stepNames, fieldTypes } = useText()
  const { phone, site, hours, emergency } = project.contact
  const kinds: Record<string, string> = kindNames
  const types: Record<string, string> = materialNames
  const steps: Record<number, string> = stepNames
  const fieldTypeOf: Record<string, string> = fieldTypes
  return (
    <div className="stack">
      <div>
        <strong style={{ fontSize: 18 }}>{project.product || project.name}</strong>
        <p className="quiet" style={{ margin: 0 }}>{project.name}{' · '}{project.priceCents > 0 ? yuan(project.priceCents) : t.free}{' / '}{t.months(project.termMonths)}</p>
      </div>
      {project.notice && <Alert type="info" showIcon title={project.notice} />}
      <ContactBlock contact={{ phone, ...(site ? { site } : {}), ...(hours ? { hours } : {}), ...(emergency ? { emergency } : {}) }} />
      <Lines title={t.process} lines={project.process} numbered />
      <Lines title={t.help} lines={project.help} />
      <Lines title={t.downloads} lines={project.downloads.map((one) => `${one.title} ${one.url}`)} />
      <Lines title={t.windows} lines={[t.renewSpan(project.windows.renewDays, project.windows.lateDays), ...project.windows.closed.map((one) => t.closedSpan(one.from, one.to, one.kinds.map((kind) => kinds[kind] ?? kind).join('、'), one.reason))]} />
      <Lines title={t.prices} lines={project.prices.map((one) => `${kinds[one.kind] ?? one.kind}${one.termMonths > 0 ? ` ${t.months(one.termMonths)}` : ''} ${yuan(one.priceCents)}`)} />
      <Lines title={t.policies} lines={project.policies.map((one) => `${kinds[one.kind] ?? one.kind} · ${steps[one.steps] ?? ''} · ${String(one.workingDays)} ${t.workingDays}${one.payFirst ? ` · ${t.payFirst}` : ''}`)} />
      <Lines title={t.fields} lines={Object.entries(project.fields).filter(([, list]) => list.length > 0).map(([kind, list]) => `${kinds[kind] ?? kind} · ${list.map((one) => `${one.zh}${one.en ? ` ${one.en}` : ''}（${fieldTypeOf[one.type] ?? one.type}）${one.required ? ' *' : ''}`).join(' · ')}`)} />
      <Lines title={t.materials} lines={Object.entries(project.materials).map(([kind, list]) => `${kinds[kind] ?? kind} · ${list.map((one) => (types[one.type] ?? one.type) + (one.required ? ' *' : '')).join(' · ') || '—'}`)} />
    </div>
  )
}

function Lines({ title, lines, numbered = false }: { title: string; lines: string[]; numbered?: boolean }) {
  if (lines.length === 0) return null
  const List = numbered ? 'ol' : 'ul'
  return (
    <section aria-label={title}>
      <strong>{title}</strong>
      <List style={{ margin: 0, paddingInlineStart: 22 }}>
        {lines.map((line, n) => <li key={`${String(n)} ${line}`} className="wrap">{line}</li>)}
      </List>
    </section>
  )
}

function HolidayPreview({ holidays }: { holidays: Holidays }) {
  const { holidays: t } = useText()
  return (
    <>
      {holidays.source ? <p className="wrap">{t.source}{' '}{holidays.source}</p> : <Alert type="warning" showIcon title={t.unverified} data-testid="content-unverified" />}
      <ul style={{ columns: '220px auto', paddingInlineStart: 22 }}>
        {holidays.days.map((one) => (
          <li key={one.date}>
            <span className="mono">{one.date}</span>{' '}{t.weekdays[new Date(`${one.date}T00:00:00Z`).getUTCDay()] ?? ''}{' '}{one.name}{' '}{one.working ? <strong>{t.working}</strong> : t.off}
          </li>
        ))}
      </ul>
    </>
  )
}

function NoticePreview({ notice }: { notice: Notice }) {
  const { notice: t } = useText()
  return (
    <dl style={{ margin: 0 }}>
      {([[t.zh, notice.zh], [t.en, notice.en]] as const).map(([label, text]) => (
        <div key={label} style={{ marginBottom: 8 }}>
          <dt className="quiet">{label}</dt>
          <dd className="wrap" style={{ margin: 0 }}>{text ? <>{text}<br /><span className="quiet">{t.sample}</span>{filled(text, t.samples)}</> : <span className="quiet">{t.unset}</span>}</dd>
        </div>
      ))}
    </dl>
  )
}
