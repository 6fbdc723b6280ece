import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Input, Popconfirm } from 'antd'
import { useState } from 'react'
import { useParams } from 'react-router'
import { Refusal } from '@/api/refusal'
import { minute } from '@/lib/time'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { kinds, read, type Content, type Item } from '../documents'
import { Changes, usePlaceName } from '../parts/Changes'
import { Editor } from '../parts/Editor'
import { History } from '../parts/History'
import { Preview } from '../parts/Preview'
import { itemQuery, moveDraft, saveDraft } from '../queries'
import { useText } from '../text'

/** One item: what is in effect, its draft with what would change, its versions. */
export function ItemPage() {
  const { kind: named, key = '' } = useParams()
  const kind = kinds.find((one) => one === named) ?? 'project'
  const query = useQuery(itemQuery(kind, key))
  return <Ready query={query}>{(item) => <Body key={`${kind}/${key}`} item={item} />}</Ready>
}

interface Editing {
  content: Content
  note: string
}

function Body({ item }: { item: Item }) {
  const t = useText()
  const [editing, setEditing] = useState<Editing | null>(null)
  const { draft } = item
  const begin = (text: string | undefined, note: string) => setEditing({ content: read(item.kind, text), note })
  const free = item.mayDraft && !editing
  return (
    <div className="stack">
      <Title text={item.kind === 'holidays' ? t.ofKind(t.kinds.holidays, item.title) : item.title} extra={<LinkButton to={`/admin/content?kind=${item.kind}`}>{t.back}</LinkButton>} />
      <div className="row" style={{ minHeight: 32 }}>
        <span className="quiet">{item.version > 0 ? t.version(item.version) : t.noVersion}{item.version > 0 && ` · ${minute(item.publishedAt)}`}</span>
        {free && !draft && <Button type="primary" onClick={() => begin(item.live, '')} data-testid="content-begin">{t.begin}</Button>}
      </div>
      {editing ? (
        <Desk item={item} editing={editing} change={setEditing} close={() => setEditing(null)} />
      ) : (
        <>
          {draft && <DraftPanel item={item} draft={draft} resume={() => begin(draft.document, draft.note)} />}
          <section className="panel">
            <h2 className="title">{t.live}</h2>
            {item.live ? <Preview content={read(item.kind, item.live)} /> : <p className="quiet">{t.nothingLive}</p>}
          </section>
          <History item={item} {...(free && (!draft || draft.mine) ? { restore: (text: string, version: number) => begin(text, t.restored(version)) } : {})} />
        </>
      )}
    </div>
  )
}

/** The field that was refused, and the kind of application or the place within it. */
function wrong({ field, params }: Refusal, name: (path: string) => string) {
  const { kind, place } = params
  return [name(field ?? ''), typeof kind === 'string' && name(kind), typeof place === 'string' && `{${place}}`].filter(Boolean).join(' › ')
}

/** The form, with what it will look like below. */
function Desk({ item, editing, change, close }: { item: Item; editing: Editing; change: (next: Editing) => void; close: () => void }) {
  const t = useText()
  const name = usePlaceName()
  const save = useMutation({ ...saveDraft(item.kind, item.key), onSuccess: close })
  const where = save.error instanceof Refusal && save.error.field ? wrong(save.error, name) : ''
  return (
    <>
      <form
        className="panel stack"
        data-testid="content-editor"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate({ document: JSON.stringify(editing.content.document), revision: item.draft?.revision ?? 0, note: editing.note.trim() })
        }}
      >
        <Editor content={editing.content} places={item.places ?? []} change={(content) => change({ ...editing, content })} />
        <label className="stack" style={{ gap: 4 }}>
          {t.note}
          <Input value={editing.note} maxLength={500} onChange={(event) => change({ ...editing, note: event.target.value })} data-testid="content-note" />
        </label>
        <Problem error={save.error} />
        {where && <p className="wrap" style={{ margin: 0 }} data-testid="content-wrong">{t.at}{where}</p>}
        <div className="row">
          <Button type="primary" htmlType="submit" loading={save.isPending} data-testid="content-save">{t.save}</Button>
          <Button onClick={close}>{t.cancel}</Button>
        </div>
      </form>
      <section className="panel" data-testid="content-preview">
        <h2 className="title">{t.preview}</h2>
        <Preview content={editing.content} />
      </section>
    </>
  )
}

function DraftPanel({ item, draft, resume }: { item: Item; draft: NonNullable<Item['draft']>; resume: () => void }) {
  const t = useText()
  const [reason, setReason] = useState('')
  const move = useMutation(moveDraft(item.kind, item.key))
  const act = (what: 'submit' | 'publish' | 'return' | 'discard') => move.mutate({ act: what, revision: draft.revision, ...(what === 'return' ? { note: reason.trim() } : {}) })
  const waiting = draft.state === 'submitted'
  return (
    <section className="panel stack" data-testid="content-draft" data-state={draft.state}>
      <div className="row">
        <h2 className="title" style={{ margin: 0 }}>{t.draft}</h2>
        <StateTag tone={waiting ? 'soon' : 'busy'} text={t.states[draft.state]} />
        <span className="quiet">{t.byWhom(draft.author)}{' · '}{minute(draft.changedAt)}</span>
      </div>
      {draft.note && <p className="wrap" style={{ margin: 0 }}>{draft.note}</p>}
      {draft.reason && <Alert type="warning" showIcon title={t.returned(draft.reason)} />}
      {draft.stale && <Alert type="warning" showIcon title={t.stale} />}
      <Changes label={t.changes} changes={draft.changes ?? []} />
      <details className="fold">
        <summary>{t.preview}</summary>
        <Preview content={read(item.kind, draft.document)} />
      </details>
      <Problem error={move.error} />
      {waiting && draft.mine && <p className="quiet" style={{ margin: 0 }}>{t.notOwn}</p>}
      {waiting && !draft.mine && item.mayPublish && (
        <>
          <p className="quiet" style={{ margin: 0 }}>{t.publishHint}</p>
          <div className="row">
            <Button type="primary" loading={move.isPending} disabled={draft.stale} onClick={() => act('publish')} data-testid="content-publish">{t.publish}</Button>
            <label>{t.reason}{' '}<Input value={reason} maxLength={500} style={{ width: 240, maxWidth: '100%' }} onChange={(event) => setReason(event.target.value)} data-testid="content-reason" /></label>
            <Button disabled={reason.trim() === ''} onClick={() => act('return')} data-testid="content-return">{t.sendBack}</Button>
          </div>
        </>
      )}
      {item.mayDraft && (
        <div className="row">
          {!waiting && draft.mine && <Button type="primary" loading={move.isPending} disabled={draft.stale} onClick={() => act('submit')} data-testid="content-submit">{t.submit}</Button>}
          {draft.mine && <Button onClick={resume} data-testid="content-resume">{t.resume}</Button>}
          <Popconfirm title={t.discardAsk} onConfirm={() => act('discard')} okText={t.discard} cancelText={t.cancel}>
            <Button danger data-testid="content-discard">{t.discard}</Button>
          </Popconfirm>
        </div>
      )}
    </section>
  )
}
