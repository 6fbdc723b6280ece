import { useQuery } from '@tanstack/react-query'
import { alarmsQuery } from '../queries'
import { useText } from '../text'

/** How many alarms nobody acknowledged, beside the menu's entry. */
export function AlarmCount() {
  const t = useText().alarms
  const { data } = useQuery(alarmsQuery)
  const n = data?.open.filter((one) => !one.acknowledgedAt).length ?? 0
  if (n === 0) return null
  return <span className="tag tag-bad" role="status" aria-label={t.count(n)} data-testid="alarm-count">{n}</span>
}
