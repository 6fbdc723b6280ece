import { ProgressPage } from '@/features/accounts/pages/ProgressPage'
import { History } from '@/features/applications/parts/History'

/** /progress: what happened is told in the words of the application's own page, without by whom. */
export function ProgressRoute() {
  return <ProgressPage history={(timeline) => <History entries={timeline.map((entry) => ({ ...entry, by: '' }))} />} />
}
