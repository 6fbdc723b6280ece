import { useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { useState } from 'react'
import { problemText } from '@/i18n/problemText'
import { useLanguage } from '@/i18n/language'
import { fromBase64 } from '@/lib/bytes'
import { save } from '@/lib/save'
import { day, minute } from '@/lib/time'
import { CopyText } from '@/ui/CopyText'
import { DataTable, type Column } from '@/ui/DataTable'
import { Facts } from '@/ui/Facts'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { BatchTag, KeyTag } from '../parts/BatchTag'
import { GiveUp } from '../parts/GiveUp'
import { Letter } from '../parts/Letter'
import { batchQuery, type Batch, type FlashKey } from '../queries'
import { useText } from '../text'

/** One batch while it is made: what the station's terminal shows, from afar. */
export function BatchPage({ id }: { id: string }) {
  const t = useText()
  const query = useQuery(batchQuery(id))
  return (
    <>
      <Title text={t.page} extra={<LinkButton to="/admin/flash">{t.back}</LinkButton>} />
      <Ready query={query}>{(batch) => <Inside batch={batch} />}</Ready>
    </>
  )
}

function Inside({ batch }: { batch: Batch }) {
  const t = useText()
  const list = useListState()
  const [letter, setLetter] = useState<FlashKey | null>(null)
  const [broken, setBroken] = useState<FlashKey | null>(null)
  const keys = batch.keys ?? []
  const columns = useColumns(batch, setLetter, setBroken)
  const from = (list.page - 1) * list.size
  return (
    <div className="stack" data-testid="flash-batch" data-state={batch.state} data-done={batch.done}>
      <Facts
        facts={[
          { key: 'number', label: t.columns.number, value: <span className="mono">{batch.number}</span> },
          { key: 'title', label: t.columns.title, value: batch.title },
          { key: 'state', label: t.columns.state, value: <BatchTag state={batch.state} /> },
          { key: 'progress', label: t.columns.progress, value: `${batch.done} / ${batch.size}` },
          { key: 'project', label: t.columns.project, value: batch.projectSlug },
          { key: 'notAfter', label: t.columns.notAfter, value: day(batch.notAfter) },
        ]}
      />
      {batch.state !== 'done' && <p className="quiet" style={{ margin: 0 }}>{t.lead} <CopyText text={t.command(location.origin)} /> {t.live}</p>}
      <Counts batch={batch} />
      <DataTable
        label={t.page}
        columns={columns}
        rows={keys.slice(from, from + list.size)}
        rowKey={(key) => key.id}
        page={{ page: list.page, size: list.size, total: keys.length, pages: Math.max(1, Math.ceil(keys.length / list.size)) }}
        change={list.change}
        testId="flash-keys"
      />
      <GivenUp batch={batch} />
      <Report batch={batch} />
      {letter && <Letter of={letter} close={() => setLetter(null)} />}
      {broken && <GiveUp of={broken} close={() => setBroken(null)} />}
    </div>
  )
}

/** How many stand where, in words. */
function Counts({ batch }: { batch: Batch }) {
  const { counts: t } = useText()
  const keys = batch.keys ?? []
  const count = (fits: (key: FlashKey) => boolean) => keys.filter(fits).length
  const inHand = (key: FlashKey) => key.state !== 'waiting' && key.state !== 'labelled'
  return (
    <div className="row" role="status">
      <StateTag tone="good" text={`${t.done} ${batch.done}`} />
      <StateTag tone="busy" text={`${t.working} ${count((key) => inHand(key) && !key.problem)}`} />
      <StateTag tone="bad" text={`${t.failed} ${count((key) => inHand(key) && !!key.problem)}`} />
      <StateTag tone="quiet" text={`${t.waiting} ${count((key) => key.state === 'waiting')}`} />
      {(batch.givenUp?.length ?? 0) > 0 && <StateTag tone="soon" text={`${t.givenUp} ${batch.givenUp?.length ?? 0}`} />}
    </div>
  )
}

function useColumns(batch: Batch, letter: (key: FlashKey) => void, giveUp: (key: FlashKey) => void): Column<FlashKey>[] {
  const t = useText()
  const { language } = useLanguage()
  const c = t.columns
  const why = (key: FlashKey) => (key.problem ? problemText(key.problem, {}, language) : '')
  return [
    { key: 'place', title: c.place, cell: (key) => key.place, width: 70 },
    { key: 'name', title: c.name, cell: (key) => key.name || t.withoutCertificate },
    { key: 'serial', title: c.serial, cell: (key) => <span className="mono">{key.serial ?? '—'}</span> },
    {
      key: 'state',
      title: c.key,
      cell: (key) => (
        <div data-testid={`flash-key-${key.place}`} data-state={key.state}>
          <KeyTag of={key} />
          {why(key) && <div>{why(key)}</div>}
        </div>
      ),
    },
    { key: 'updated', title: c.updated, cell: (key) => minute(key.updatedAt) },
    {
      key: 'action',
      title: c.action,
      cell: (key) => (
        <div className="row" style={{ gap: 6 }}>
          {key.state === 'labelled' && !key.letterPrinted && <Button size="small" onClick={() => letter(key)} data-testid={`flash-letter-${key.place}`}>{t.letter.print}</Button>}
          {key.letterPrinted && <span className="quiet">{t.letter.printed}</span>}
          {batch.state === 'started' && key.serial && <Button size="small" danger onClick={() => giveUp(key)} aria-label={`${t.giveUp.act} ${key.serial}`} data-testid={`flash-give-up-${key.place}`}>{t.giveUp.act}</Button>}
        </div>
      ),
    },
  ]
}

function GivenUp({ batch: { givenUp = [] } }: { batch: Batch }) {
  const { giveUp: t } = useText()
  if (givenUp.length === 0) return null
  return (
    <section aria-label={t.list} data-testid="flash-given-up">
      <strong>{t.list}</strong>
      <ul style={{ margin: '8px 0 0', paddingInlineStart: 20 }}>
        {givenUp.map((key) => (
          <li key={key.serial} className="wrap">
            {key.place}. <span className="mono">{key.serial}</span> {key.name} · {key.reason} · {key.revoked ? t.revoked : t.none} · {minute(key.givenUpAt)}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Report({ batch }: { batch: Batch }) {
  const { report: t } = useText()
  const signature = batch.reportSignature ? fromBase64(batch.reportSignature) : null
  return (
    <section aria-label={t.title} className="stack" style={{ gap: 8 }}>
      <strong>{t.title}</strong>
      {batch.reportSigned && batch.reportText ? (
        <>
          <div><StateTag tone="good" text={t.signed} /></div>
          <pre className="mono" tabIndex={0} style={{ margin: 0, whiteSpace: 'pre-wrap', fontSize: 13 }}>{batch.reportText}</pre>
          <div className="row">
            <Button onClick={() => save(`${batch.number}.txt`, batch.reportText ?? '', 'text/plain;charset=utf-8')} data-testid="flash-report">{t.text}</Button>
            {signature && <Button onClick={() => save(`${batch.number}.p7m`, signature, 'application/pkcs7-mime')}>{t.signature}</Button>}
          </div>
        </>
      ) : (
        <p className="quiet" style={{ margin: 0 }}>{t.unsigned}</p>
      )}
    </section>
  )
}
