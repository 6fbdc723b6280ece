import { Timeline } from 'antd'
import type { Schema } from '@/api/client'
import { useLanguage } from '@/i18n/language'
import { isRefusalCode, problemText } from '@/i18n/problemText'
import { moment } from '@/lib/time'
import { useText } from '../text'

/** What happened, when, by whom. An act without a translation is shown by its name. */
export function History({ entries }: { entries: readonly Schema<'TimelineEntry'>[] }) {
  const t = useText()
  const acts: Partial<Record<string, string>> = t.acts
  if (entries.length === 0) return null
  return (
    <section className="panel" data-testid="wizard-timeline">
      <h2 className="title">{t.timeline}</h2>
      <Timeline
        items={entries.map((entry, index) => ({
          key: index,
          content: (
            <div className="wrap">
              <strong>{acts[entry.act] ?? entry.act}</strong>
              <div className="quiet">{moment(entry.at)}{entry.by && <> · {entry.by}</>}<Note entry={entry} /></div>
            </div>
          ),
        }))}
      />
    </section>
  )
}

/** A note that is an error code, or the count of a proof, is said in words. */
function Note({ entry }: { entry: Schema<'TimelineEntry'> }) {
  const { language } = useLanguage()
  const { done } = useText()
  if (!entry.note) return null
  if (entry.act === 'enrolment.proved' && /^\d+$/.test(entry.note)) return Number(entry.note) > 0 && <> · {done.oldKeys(Number(entry.note))}</>
  return <> · {isRefusalCode(entry.note) ? problemText(entry.note, {}, language) : entry.note}</>
}
