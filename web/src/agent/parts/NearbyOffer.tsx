import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { connectNearby } from '../nearby'
import { nearbyQuery } from '../queries'
import { useText } from '../text'

/** Says what the browser is about to ask before it asks. Nothing is lost without it: jobs go by the portal. */
export function NearbyOffer() {
  const { nearby: t } = useText()
  const client = useQueryClient()
  const nearby = useQuery({ ...nearbyQuery, enabled: false }) // found by useUKey
  const connect = useMutation({ mutationFn: connectNearby, onSuccess: (found) => client.setQueryData(nearbyQuery.queryKey, found) })
  if (nearby.data?.permission !== 'prompt' || nearby.data.way === 'loopback' || nearby.data.reason) return null
  return (
    <Alert
      type="info"
      title={t.why}
      data-testid="nearby-offer"
      action={<Button size="small" loading={connect.isPending} onClick={() => connect.mutate()} data-testid="nearby-connect">{t.connect}</Button>}
    />
  )
}
