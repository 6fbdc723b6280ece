import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { useLanguage } from '@/i18n/language'
import { promised } from '@/lib/time'
import { StateTag } from './StateTag'

/** Until when the review is promised, in words; nothing when no promise runs. */
export function Due({ application: { dueAt, overdue, paused } }: { application: Pick<Schema<'Application'>, 'dueAt' | 'overdue' | 'paused'> }) {
  const { due } = useCommon()
  const { language } = useLanguage()
  if (paused) return <span className="quiet" data-testid="due-paused">{due.paused}</span>
  if (!dueAt) return null
  if (overdue) return <span data-testid="due-overdue"><StateTag tone="bad" text={due.overdue} /> {due.overdueBy(promised(dueAt, language))}</span>
  return <span className="quiet" data-testid="due">{due.by(promised(dueAt, language))}</span>
}
