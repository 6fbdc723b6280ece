import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { useState } from 'react'
import { save } from '@/lib/save'
import { moment } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { checkpointsQuery, sealAudit } from '../queries'
import { useText } from '../text'

/** Signed heads of the chain with their proofs, and signing one now. */
export function Checkpoints() {
  const t = useText()
  const [before, setBefore] = useState<number | null>(null)
  const query = useQuery(checkpointsQuery(before))
  const seal = useMutation({ ...sealAudit, onSuccess: () => setBefore(null) })
  return (
    <section className="panel stack" aria-label={t.seals} style={{ padding: '12px 20px', marginBottom: 16 }} data-testid="audit-checkpoints">
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <h2 className="title" style={{ margin: 0 }}>{t.seals}</h2>
        {query.data?.kept && <Button loading={seal.isPending} onClick={() => seal.mutate()} data-testid="audit-seal">{t.seal}</Button>}
      </div>
      <p className="quiet" style={{ margin: 0 }}>{t.sealsHint}</p>
      <Problem error={seal.error} />
      <Ready query={query}>
        {({ items, more, kept }) => (
          <>
            {!kept && <Alert type="warning" showIcon title={t.notKept} />}
            {kept && items.length === 0 && <p>{t.sealNone}</p>}
            <ul className="stack" style={{ listStyle: 'none', padding: 0, margin: 0 }}>
              {items.map((one) => (
                <li key={one.id} className="row" data-testid={`checkpoint-${String(one.id)}`} data-logged={one.logged}>
                  <span>{t.sealOf(one.id, one.seq)}</span>
                  <span className="quiet">{moment(one.signedAt)}</span>
                  <span>{one.logged ? t.sealed(one.index ?? 0) : t.sealWaits}</span>
                  <Button size="small" onClick={() => save(`audit-checkpoint-${String(one.id)}.txt`, one.note)} aria-label={`${t.note} ${String(one.id)}`}>{t.note}</Button>
                  {one.proof && <Button size="small" onClick={() => save(`audit-checkpoint-${String(one.id)}.tlog-proof`, one.proof ?? '')} aria-label={`${t.proof} ${String(one.id)}`}>{t.proof}</Button>}
                </li>
              ))}
            </ul>
            <div className="row">
              {before !== null && <Button size="small" onClick={() => setBefore(null)}>{t.newest}</Button>}
              {more && <Button size="small" onClick={() => setBefore(items.at(-1)?.id ?? null)}>{t.olderSeals}</Button>}
            </div>
          </>
        )}
      </Ready>
    </section>
  )
}
