import { Alert, Checkbox, Input } from 'antd'
import type { Day, Holidays } from '../documents'
import { useText } from '../text'
import { Field, Rows } from './Field'

/** The days of one year that are not what their weekday says. */
export function HolidayForm({ holidays, change }: { holidays: Holidays; change: (next: Holidays) => void }) {
  const { holidays: t, kinds } = useText()
  return (
    <>
      {!holidays.source && <Alert type="warning" showIcon title={t.unverified} />}
      <Field label={t.source}><Input value={holidays.source} maxLength={200} onChange={(event) => change({ ...holidays, source: event.target.value })} data-testid="content-source" /></Field>
      <Rows<Day> label={kinds.holidays} rows={holidays.days} change={(days) => change({ ...holidays, days })} fresh={() => ({ date: '', working: false, name: '' })} testId="content-days">
        {(day, set, n) => (
          <>
            <Input type="date" aria-label={`${t.date} ${String(n + 1)}`} value={day.date} style={{ width: 160 }} onChange={(event) => set({ date: event.target.value })} />
            <Input aria-label={`${t.name} ${String(n + 1)}`} value={day.name} maxLength={60} style={{ width: 160 }} onChange={(event) => set({ name: event.target.value })} />
            <Checkbox checked={day.working} onChange={(event) => set({ working: event.target.checked })}>{t.working}</Checkbox>
          </>
        )}
      </Rows>
    </>
  )
}
