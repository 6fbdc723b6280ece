import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import type { Schema } from '@/api/client'
import { useSecondsUntil } from '@/lib/clock'
import { CopyText } from '@/ui/CopyText'
import { Problem } from '@/ui/Problem'
import { Loading } from '@/ui/Ready'
import { newPairing, pairingQuery } from '../queries'
import { useText } from '../text'
import type { UKey } from '../useUKey'

/** How to get the assistant running and tied to this account. Shown while none is online. */
export function PairAgent({ ukey }: { ukey: UKey }) {
  const t = useText()
  const pairing = useMutation(newPairing)
  if (ukey.agents.isPending) return <Loading />
  const paired = (ukey.agents.data?.length ?? 0) > 0
  return (
    <section className="stack" aria-label={t.pairTitle} data-testid="pairing">
      <Problem error={ukey.agents.error} retry={() => void ukey.agents.refetch()} />
      {paired && <Alert type="warning" showIcon title={t.startAgain} data-testid="pairing-offline" />}
      <div>
        <p style={{ margin: '0 0 6px' }}>{t.start}</p>
        <CopyText text={`ukeyd -portal ${location.origin}`} />
      </div>
      <div className="stack" style={{ gap: 8 }}>
        <p style={{ margin: 0 }}>{t.getCode}</p>
        {pairing.data && <Code key={pairing.data.id} pairing={pairing.data} />}
        <div>
          <Button type={pairing.data ? 'default' : 'primary'} loading={pairing.isPending} onClick={() => pairing.mutate()} data-testid="pairing-start">
            {pairing.data ? t.newCodeButton : t.getCodeButton}
          </Button>
        </div>
        <Problem error={pairing.error} />
      </div>
      <p style={{ margin: 0 }}>{t.check}</p>
      <Alert type="warning" title={t.warn} />
      <p role="status" className="quiet" style={{ margin: 0 }}>{t.waiting}</p>
    </section>
  )
}

function Code({ pairing }: { pairing: Schema<'Pairing'> }) {
  const t = useText()
  const left = useSecondsUntil(pairing.expiresAt)
  const state = useQuery(pairingQuery(pairing.id)).data?.state
  if (left === 0 || state === 'expired') return <Alert type="info" title={t.codeExpired} />
  return (
    <div>
      <div className="big-code mono" data-testid="pairing-code" aria-label={t.codeLabel}>{pairing.code}</div>
      <span className="quiet">{t.codeLeft(left)}</span>
    </div>
  )
}
