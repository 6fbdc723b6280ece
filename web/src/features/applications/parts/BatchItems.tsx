import { Link } from 'react-router'
import { useCommon } from '@/i18n/common'
import { useLanguage } from '@/i18n/language'
import { problemText } from '@/i18n/problemText'
import { day } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { StateTag, type Tone } from '@/ui/StateTag'
import { actable, useBatchText, type BatchItem } from '../batch'
import type { Step } from '../useBatchRun'

interface Props {
  items: readonly BatchItem[]
  step: Step | null
  problems: Readonly<Record<string, unknown>>
  here: (item: BatchItem) => boolean
}

const tones: Record<BatchItem['state'], Tone> = { unpaid: 'soon', ready: 'mark', writing: 'busy', done: 'good', blocked: 'bad' }

/** Each certificate of the batch with its state, its key, and why it did not go. */
export function BatchItems({ items, step, problems, here }: Props) {
  const t = useBatchText()
  return (
    <section className="panel" aria-label={t.list}>
      <h2 className="title">{t.list}</h2>
      <ul className="todo">
        {items.map((item) => (
          <Line key={item.certificate.id} item={item} step={step?.certificateId === item.certificate.id ? step : null} problem={problems[item.certificate.id]} here={here(item)} />
        ))}
      </ul>
    </section>
  )
}

function Line({ item, step, problem, here }: { item: BatchItem; step: Step | null; problem: unknown; here: boolean }) {
  const t = useBatchText()
  const { language } = useLanguage()
  const { service } = useCommon()
  const { certificate: c, state } = item
  const tone = step ? 'busy' : tones[state]
  return (
    <li data-testid={`batch-item-${c.serialHex}`} data-state={state} data-step={step?.phase ?? ''}>
      <StateTag tone={tone} text={step ? t.working[step.phase] : t.states[state]} />
      <span className="wrap todo-text">
        <Link to={`/account/certificates/${c.id}`}>{c.name} <span className="mono">{c.serialHex}</span></Link>
        <div className="quiet" style={{ fontSize: 14 }}>
          {t.end} {day(c.notAfter)}
          {actable(item) && <> · {t.key} {here ? t.here : t.away}</>}
        </div>
        {item.newCertificateId && <div style={{ fontSize: 14 }}><Link className="mono" to={`/account/certificates/${item.newCertificateId}`}>{t.renewed(item.newSerialHex ?? '')}</Link></div>}
        {item.block && <div className="quiet" style={{ fontSize: 14 }}>{problemText(item.block, { contact: service.phone }, language)}</div>}
        <Problem error={problem} testId={`batch-problem-${c.serialHex}`} />
      </span>
      {state === 'blocked' && item.applicationId && <Link to={`/account/applications/${item.applicationId}`}>{t.view}</Link>}
    </li>
  )
}
