import { useCommon } from '@/i18n/common'
import { useLanguage } from '@/i18n/language'
import { minute } from '@/lib/time'
import { Facts, type Fact } from '@/ui/Facts'
import { StateTag, type Tone } from '@/ui/StateTag'
import type { Detail } from '../queries'
import { useText } from '../text'

/** What is asked beside what is on record; what differs is marked. */
export function Dossier({ detail }: { detail: Detail }) {
  return (
    <div className="stack">
      <Differences detail={detail} />
      <Asked detail={detail} />
      <Checks detail={detail} />
      <Earlier detail={detail} />
    </div>
  )
}

function useWord() {
  const t = useText()
  const values: Partial<Record<string, string>> = t.values
  return (value: string) => values[value] ?? value
}

function Differences({ detail: { differences, application } }: { detail: Detail }) {
  const t = useText()
  const english = useLanguage().language === 'en-US'
  const fields: Partial<Record<string, string>> = t.fields
  const labelOf = (field: string) => {
    const asked = application.asked?.find(({ key }) => field === `extra.${key}`)
    return asked ? t.sinceLast(english ? asked.en || asked.zh : asked.zh) : (fields[field] ?? field)
  }
  const word = useWord()
  if (differences.length === 0) return null
  return (
    <section aria-label={t.differences}>
      <h2 className="title">{t.differences}</h2>
      <table className="ways differences" data-testid="review-differences">
        <thead><tr><td />{[t.before, t.after].map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
        <tbody>
          {differences.map(({ field, before, after }) => (
            <tr key={field} data-testid={`review-difference-${field}`}>
              <th scope="row">{labelOf(field)}</th>
              <td><s className="quiet">{before ? word(before) : t.none}</s></td>
              <td><mark>{word(after)}</mark></td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Asked({ detail: { application, record, item } }: { detail: Detail }) {
  const t = useText()
  const english = useLanguage().language === 'en-US'
  const { kinds, punctuation } = useCommon()
  const word = useWord()
  const facts: Fact[] = [
    { key: 'kind', label: t.kind, value: <>{kinds[application.kind]}{application.manual && ` · ${t.manual}`}</> },
    { key: 'organisation', label: t.record.name, value: <>{record.name}{record.formerNames?.length ? <div className="quiet">{t.record.former(punctuation.list(...record.formerNames))}</div> : null}</> },
    { key: 'code', label: t.record.code, value: <span className="mono">{record.code}</span> },
    { key: 'legalRep', label: t.record.legalRep, value: record.legalRep || '—' },
    { key: 'handler', label: t.record.handler, value: `${record.handlerName || '—'} ${record.handlerPhone}` },
    { key: 'account', label: t.record.account, value: t.accounts[record.accountState] },
  ]
  if (application.serialHex) facts.push({ key: 'serial', label: t.serial, value: <><span className="mono">{application.serialHex}</span> {application.certificateName}</> })
  const { extra = [], ...own } = application.form ?? {}
  for (const [name, value] of Object.entries(own)) {
    const fields: Partial<Record<string, string>> = t.fields
    facts.push({ key: `form-${name}`, label: fields[name] ?? name, value: <strong>{word(String(value))}</strong> })
  }
  for (const { key, zh, en } of application.asked ?? []) {
    const answer = extra.find((one) => one.key === key)?.value
    facts.push({ key: `form-extra-${key}`, label: english ? en || zh : zh, value: answer ? <strong data-testid={`review-answer-${key}`}>{answer}</strong> : '—' })
  }
  facts.push({ key: 'submitted', label: t.submitted, value: minute(item.submittedAt) })
  return (
    <section aria-label={t.asked}>
      <h2 className="title">{t.asked}</h2>
      <Facts facts={facts} columns={1} />
    </section>
  )
}

const tones: Record<Detail['checks'][number]['result'], Tone> = { passed: 'good', warning: 'soon', failed: 'bad', unavailable: 'quiet' }

function Checks({ detail: { checks } }: { detail: Detail }) {
  const t = useText()
  return (
    <section aria-label={t.checksTitle}>
      <h2 className="title">{t.checksTitle}</h2>
      <ul className="todo" data-testid="review-checks">
        {checks.map(({ check, result, note }) => (
          <li key={check} style={{ padding: '6px 0' }}>
            <StateTag tone={tones[result]} text={t.results[result]} />
            <span className="wrap todo-text">{t.checks[check]}{note && <div className="quiet">{note}</div>}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Earlier({ detail: { decisions } }: { detail: Detail }) {
  const t = useText()
  const { punctuation } = useCommon()
  if (decisions.length === 0) return null
  return (
    <section aria-label={t.earlier}>
      <h2 className="title">{t.earlier}</h2>
      <ul className="todo">
        {decisions.map((one) => (
          <li key={`${one.step}-${one.at}`} style={{ padding: '6px 0' }}>
            <StateTag tone={one.decision === 'approve' ? 'good' : 'bad'} text={t.decisions[one.decision]} />
            <span className="wrap todo-text">
              {t.step(one.step)} · {one.by} · {minute(one.at)}{one.signed && ` · ${t.signed}`}
              {one.reasons.length > 0 && <div>{punctuation.list(...one.reasons.map((reason) => t.reasons[reason]))}</div>}
              {one.note && <div className="quiet">{one.note}</div>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
