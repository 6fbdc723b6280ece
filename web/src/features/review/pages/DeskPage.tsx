import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button } from 'antd'
import { useState } from 'react'
import { useNavigate, useParams } from 'react-router'
import { useCommon } from '@/i18n/common'
import { ApplicationTag } from '@/ui/ApplicationTag'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { paged, straight, turned, zoomed } from '@/ui/viewer/view'
import { Viewer } from '@/ui/viewer/Viewer'
import { current, type Draft, type Marks } from '../marks'
import { Countdown } from '../parts/Countdown'
import { DecisionDialog } from '../parts/DecisionDialog'
import { Dossier } from '../parts/Dossier'
import { FileList } from '../parts/FileList'
import { KeysHelp } from '../parts/KeysHelp'
import { claim, fileAddress, materialsQuery, nextWaiting, release, reviewQuery, type Detail, type Mark, type Material } from '../queries'
import { useText } from '../text'
import { useKeys } from '../useKeys'

/** One application beside its record and its files, decided without touching the mouse; the next one loads itself. */
export function DeskPage() {
  const t = useText()
  const { kinds } = useCommon()
  const { id = '' } = useParams()
  const query = useQuery(reviewQuery(id))
  const item = query.data?.item
  return (
    <>
      <Title text={item ? `${kinds[item.kind]} · ${item.organisationName}` : t.one} extra={<LinkButton to="/admin/review" data-testid="review-back">{t.toQueue} (q)</LinkButton>} />
      <Ready query={query}>{(detail) => <Desk key={detail.item.id} detail={detail} />}</Ready>
    </>
  )
}

function Desk({ detail }: { detail: Detail }) {
  const t = useText()
  const desk = useDesk(detail)
  const { files, marks, decision, help } = desk
  return (
    <div className="stack" data-testid="review" data-state={detail.item.state} data-claimed={detail.mayDecide}>
      <Head detail={detail} />
      <div className="desk">
        <section className="panel desk-data" aria-label={t.one}><Dossier detail={detail} /></section>
        <section className="panel stack desk-files" aria-label={t.materialsTitle}>
          <h2 className="title" style={{ margin: 0 }}>{t.materialsTitle}</h2>
          <Ready query={desk.materials}>
            {(items) => <FileList items={items} marks={marks} mark={desk.mark} shown={files[desk.at]?.id ?? ''} show={desk.show} enabled={detail.mayDecide} />}
          </Ready>
          {files.length > 0 && <Viewer file={desk.shown} view={desk.view} set={desk.setView} among={{ index: desk.at, count: files.length, go: desk.go }} keys />}
        </section>
      </div>
      <Bar desk={desk} detail={detail} />
      {decision && <DecisionDialog id={detail.item.id} decision={decision} marks={marks} close={() => desk.setDecision(null)} done={desk.decided} />}
      {help && <KeysHelp which="desk" close={() => desk.setHelp(false)} />}
    </div>
  )
}

/** What the person is at: which file, how it is shown, how it is marked, what is about to be decided. */
function useDesk(detail: Detail) {
  const { id } = detail.item
  const materials = useQuery(materialsQuery(id))
  const files: readonly Material[] = (materials.data ?? []).flatMap((one) => current(one.files))
  const [place, setPlace] = useState(0)
  const [view, setView] = useState(straight)
  const [marks, setMarks] = useState<Marks>({})
  const [decision, setDecision] = useState<Draft['decision'] | null>(null)
  const [help, setHelp] = useState(false)
  const at = Math.min(place, Math.max(0, files.length - 1))
  const file = files[at]
  const turnTo = (index: number) => {
    setPlace(Math.min(Math.max(0, files.length - 1), Math.max(0, index)))
    setView(straight)
  }
  const mark = (fileId: string, next: Mark | null) =>
    setMarks((old) => (next ? { ...old, [fileId]: next } : Object.fromEntries(Object.entries(old).filter(([key]) => key !== fileId))))
  const take = useMutation(claim)
  const giveBack = useMutation(release)
  const next = useNext(id)
  const may = detail.mayDecide
  const markShown = (ok: boolean) => {
    if (!may || !file) return
    mark(file.id, ok ? { materialId: file.id, ok } : { materialId: file.id, ok, reason: 'material_unclear' })
    if (ok) turnTo(at + 1)
  }
  useKeys(
    {
      c: () => take.mutate(id),
      j: () => turnTo(at + 1),
      k: () => turnTo(at - 1),
      o: () => markShown(true),
      b: () => markShown(false),
      '+': () => setView(zoomed(view, 1)),
      '=': () => setView(zoomed(view, 1)),
      '-': () => setView(zoomed(view, -1)),
      '[': () => setView(turned(view, -1)),
      ']': () => setView(turned(view, 1)),
      ',': () => setView(paged(view, -1, file?.pages ?? 1)),
      '.': () => setView(paged(view, 1, file?.pages ?? 1)),
      a: () => may && setDecision('approve'),
      r: () => may && setDecision('return'),
      x: () => may && setDecision('reject'),
      n: () => void next.go(),
      q: next.toQueue,
      '?': () => setHelp(true),
    },
    decision === null && !help,
  )
  const decided = () => {
    setDecision(null)
    void next.go(true)
  }
  return {
    materials, files, at, shown: file && { address: fileAddress(id, file.id), name: file.name, mediaType: file.mediaType, pages: file.pages },
    show: (fileId: string) => turnTo(files.findIndex((one) => one.id === fileId)), go: (way: 1 | -1) => turnTo(at + way), view, setView,
    marks, mark, decision, setDecision, help, setHelp, take, giveBack, next, decided,
  }
}

type DeskState = ReturnType<typeof useDesk>

/** On to the first that waits; the queue when none does. */
function useNext(id: string) {
  const t = useText()
  const client = useQueryClient()
  const navigate = useNavigate()
  const { message } = App.useApp()
  const take = useMutation(claim)
  const toQueue = () => void navigate('/admin/review')
  const go = async (done = false) => {
    if (done) void message.success(t.decided)
    const item = await nextWaiting(id).catch(() => null)
    if (!item) {
      void message.info(t.nothingLeft)
      return toQueue()
    }
    if (done) await take.mutateAsync(item.id).catch(() => undefined) // somebody else was quicker: it is shown, and not theirs
    await client.invalidateQueries({ queryKey: ['reviews', 'one', item.id] })
    void navigate(`/admin/review/${item.id}`)
  }
  return { go, toQueue }
}

function Head({ detail: { item } }: { detail: Detail }) {
  const t = useText()
  return (
    <div className="row panel" style={{ padding: '10px 20px', columnGap: 20 }}>
      <Countdown item={item} />
      <span><span className="quiet">{t.number} </span><span className="mono" data-testid="review-number">{item.number}</span></span>
      <ApplicationTag state={item.state} />
      {item.steps > 1 && <span>{t.stepOf(item.step, item.steps)}</span>}
      <span className="quiet">{item.mine ? t.mineNow : item.claimedBy ? t.claimedNow(item.claimedBy) : ''}</span>
    </div>
  )
}

const open = ['pending', 'reviewing', 'second']

function Bar({ desk, detail: { item, mayDecide } }: { desk: DeskState; detail: Detail }) {
  const t = useText()
  const { take, giveBack, next } = desk
  return (
    <div className="desk-bar" role="toolbar" aria-label={t.bar}>
      <Problem error={take.error ?? giveBack.error} testId="review-problem" />
      <div className="row">
        {mayDecide ? (
          <>
            <Button type="primary" size="large" onClick={() => desk.setDecision('approve')} aria-keyshortcuts="a" data-testid="review-approve">{t.decisions.approve} (a)</Button>
            <Button size="large" onClick={() => desk.setDecision('return')} aria-keyshortcuts="r" data-testid="review-return">{t.decisions.return} (r)</Button>
            <Button size="large" danger onClick={() => desk.setDecision('reject')} aria-keyshortcuts="x" data-testid="review-reject">{t.decisions.reject} (x)</Button>
            <Button onClick={() => giveBack.mutate(item.id)} loading={giveBack.isPending} data-testid="review-release">{t.release}</Button>
          </>
        ) : open.includes(item.state) ? (
          <Button type="primary" size="large" onClick={() => take.mutate(item.id)} loading={take.isPending} aria-keyshortcuts="c" data-testid="review-claim">{t.claim} (c)</Button>
        ) : (
          <Alert type="info" showIcon title={t.notOpen} />
        )}
        <Button onClick={() => void next.go()} aria-keyshortcuts="n" data-testid="review-next">{t.nextOne} (n)</Button>
        <Button className="by-key" onClick={() => desk.setHelp(true)} aria-keyshortcuts="?">{t.keys.open} (?)</Button>
      </div>
    </div>
  )
}
