import { useQuery } from '@tanstack/react-query'
import { Alert } from 'antd'
import { issuanceQuery } from '../queries'
import { useText } from '../text'

/** Says on every page of the back office that issuing is stopped. */
export function StopBanner() {
  const t = useText()
  const { data } = useQuery(issuanceQuery)
  if (!data?.stopped) return null
  const last = data.history.find((one) => one.state === 'done')
  return <Alert type="error" banner title={`${t.stopped}${last ? ` · ${last.reason}` : ''}`} data-testid="stop-banner" />
}
