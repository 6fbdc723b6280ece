import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { serverNow } from '@/lib/clock'
import { minute } from '@/lib/time'
import { StateTag, type Tone } from '@/ui/StateTag'
import { workdaysQuery, type Item } from '../queries'
import { useText } from '../text'
import { urgencyOf, workingTime, type Urgency } from '../worktime'

const tones: Record<Urgency, Tone> = { late: 'bad', soon: 'soon', calm: 'quiet' }
const nothing = new Map<string, boolean>()

/** How much working time is left until the promise: in a colour, a sign and words. */
export function Countdown({ item: { dueAt, overdue } }: { item: Pick<Item, 'dueAt' | 'overdue'> }) {
  const { countdown: t } = useText()
  const special = useQuery(workdaysQuery).data ?? nothing
  const now = useMinutes()
  if (!dueAt) return <span className="quiet">—</span>
  const left = workingTime(now, Date.parse(dueAt), special)
  const urgency = urgencyOf(left, overdue)
  const minutes = Math.floor(left / 60_000)
  const text = overdue ? t.late : minutes >= 540 ? t.days(Math.floor(minutes / 540), Math.floor((minutes % 540) / 60)) : t.hours(Math.floor(minutes / 60), minutes % 60)
  return <span data-testid="countdown" data-urgency={urgency}><StateTag tone={tones[urgency]} text={text} title={t.due(minute(dueAt))} /></span>
}

/** The server's time, looked at each half minute. */
function useMinutes(): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), 30_000)
    return () => clearInterval(timer)
  }, [])
  return now
}
