import { useQuery } from '@tanstack/react-query'
import { Alert, Checkbox, Result } from 'antd'
import { useState } from 'react'
import { useParams } from 'react-router'
import { yuan } from '@/lib/money'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import { useUKey } from '@/agent/useUKey'
import { batchQuery, keyOf, useBatchText, type Batch } from '../batch'
import { BatchDevice } from '../parts/BatchDevice'
import { BatchItems } from '../parts/BatchItems'
import { OnPC } from '../parts/OnPC'
import { useBatchRun } from '../useBatchRun'

/** One batch of renewals: what it costs, where each certificate is, and writing them key after key. */
export function RenewalBatchPage() {
  const t = useBatchText()
  const { id = '' } = useParams()
  const query = useQuery(batchQuery(id))
  return (
    <>
      <Title text={t.one} extra={<LinkButton to="/account/renewals">{t.toList}</LinkButton>} />
      <Ready query={query}>{(batch) => <Body key={batch.id} batch={batch} />}</Ready>
    </>
  )
}

function Body({ batch }: { batch: Batch }) {
  const t = useBatchText()
  const narrow = useNarrow()
  const run = useBatchRun(batch.id)
  const [accepted, accept] = useState(false)
  const ukey = useUKey({ running: run.step !== null })
  const keys = ukey.keys.data ?? []
  const whole = batch.items.every(({ state }) => state === 'done')
  return (
    <div className="stack" data-testid="batch" data-done={batch.done}>
      <div className="row panel" style={{ padding: '12px 20px', columnGap: 24 }}>
        <span className="mono" data-testid="batch-number">{batch.number}</span>
        <strong role="status">{t.progress(batch.done, batch.total)}</strong>
      </div>
      {batch.order?.state === 'pending' && (
        <Alert
          type="warning"
          showIcon
          title={t.pay(yuan(batch.order.amountCents))}
          description={t.payText}
          action={<LinkButton type="primary" to={`/account/orders/${batch.order.id}`} data-testid="batch-pay">{t.toOrder}</LinkButton>}
          data-testid="batch-unpaid"
        />
      )}
      {whole && <section className="panel"><Result status="success" style={{ padding: '12px 0' }} title={<span data-testid="batch-done">{t.finished}</span>} subTitle={t.finishedText} extra={<LinkButton type="primary" to="/account/certificates">{t.back}</LinkButton>} /></section>}
      <BatchItems items={batch.items} step={run.step} problems={run.problems} here={(item) => keyOf(item, keys) !== undefined} />
      {!whole && (
        <section className="panel stack" aria-label={t.device}>
          <h2 className="title" style={{ margin: 0 }}>{t.device}</h2>
          {narrow ? <OnPC /> : (
            <>
              <Risk />
              <Checkbox checked={accepted} onChange={(event) => accept(event.target.checked)} data-testid="batch-accept">{t.consent}</Checkbox>
              <BatchDevice items={batch.items} ukey={ukey} run={run} ready={accepted} />
            </>
          )}
        </section>
      )}
    </div>
  )
}

/** The risk in the seed's words; each letter that is signed says them too. Source: S002-42. */
function Risk() {
  const { risk: t } = useBatchText()
  return <section className="notice" lang="zh-CN" tabIndex={0} aria-label={t.title}><strong>{t.title}</strong><div className="prose">{t.text}</div></section>
}
