import { Button } from 'antd'
import { lazy, Suspense } from 'react'
import { useMessages } from '@/i18n/language'
import { Loading } from '../Ready'
import { en } from './messages.en-US'
import { zh } from './messages.zh-CN'
import { paged, turned, zoomed, type View } from './view'

// The renderer of PDFs is a megabyte and a half: it comes with the first PDF.
const PdfPage = lazy(async () => ({ default: (await import('./PdfPage')).PdfPage }))

/** What is shown. Nil/zero: pages absent is an image. */
export interface Shown {
  address: string
  name: string
  mediaType: string
  pages?: number | undefined
}

interface Props {
  file: Shown | undefined
  view: View
  set: (view: View) => void
  /** Where there are several files. */
  among?: { index: number; count: number; go: (way: 1 | -1) => void }
  /** The page listens to the letters that are shown beside the buttons. */
  keys?: boolean
}

/** One file, large: nearer, turned, the next page, the next file. A PDF is drawn page by page; nothing in it runs or can be clicked. */
export function Viewer({ file, view, set, among, keys = false }: Props) {
  const t = useMessages(zh, en)
  if (!file) return <div className="viewer viewer-empty">{t.none}</div>
  const picture = file.mediaType !== 'application/pdf'
  const pages = picture ? 1 : (file.pages ?? 1)
  const key = (name: string) => (keys ? { 'aria-keyshortcuts': name } : {})
  const hint = (name: string) => (keys ? ` (${name})` : '')
  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row" role="toolbar" aria-label={t.label}>
        {among && (
          <>
            <Button size="small" disabled={among.index === 0} onClick={() => among.go(-1)} {...key('k')}>{t.previous}{hint('k')}</Button>
            <Button size="small" disabled={among.index >= among.count - 1} onClick={() => among.go(1)} {...key('j')} data-testid="viewer-next">{t.next}{hint('j')}</Button>
          </>
        )}
        <Button size="small" onClick={() => set(zoomed(view, 1))} aria-label={t.nearer} {...key('+')} data-testid="viewer-nearer">+</Button>
        <Button size="small" onClick={() => set(zoomed(view, -1))} aria-label={t.farther} {...key('-')}>−</Button>
        <Button size="small" onClick={() => set(turned(view, -1))} aria-label={t.left} {...key('[')}>↺</Button>
        <Button size="small" onClick={() => set(turned(view, 1))} aria-label={t.right} {...key(']')} data-testid="viewer-right">↻</Button>
        {pages > 1 && (
          <>
            <Button size="small" disabled={view.page <= 1} onClick={() => set(paged(view, -1, pages))} {...key(',')} data-testid="viewer-page-before">{t.pageBefore}{hint(',')}</Button>
            <span role="status" data-testid="viewer-page">{t.page(view.page, pages)}</span>
            <Button size="small" disabled={view.page >= pages} onClick={() => set(paged(view, 1, pages))} {...key('.')} data-testid="viewer-page-after">{t.pageAfter}{hint('.')}</Button>
          </>
        )}
        <a href={file.address} target="_blank" rel="noreferrer" download={file.name}>{t.download}</a>
        <span className="quiet">{among && <>{t.position(among.index + 1, among.count)} · </>}{Math.round(view.zoom * 100)}%</span>
      </div>
      <div className="viewer" tabIndex={0} role="group" aria-label={file.name} data-testid="viewer" data-zoom={view.zoom} data-turn={view.turn}>
        {picture ? (
          <img src={file.address} alt={file.name} style={{ width: `${view.zoom * 100}%`, transform: `rotate(${view.turn}deg)` }} />
        ) : (
          <Suspense fallback={<Loading />}><PdfPage key={file.address} address={file.address} label={t.pageOf(file.name, view.page)} view={view} /></Suspense>
        )}
      </div>
    </div>
  )
}
