import { useEffect, useRef, useState } from 'react'
import type { PDFDocumentProxy } from 'pdfjs-dist'
import { useMessages } from '@/i18n/language'
import { Loading } from '../Ready'
import { en } from './messages.en-US'
import { zh } from './messages.zh-CN'
import { open } from './pdf'
import type { View } from './view'

type State = 'loading' | 'shown' | 'broken'

/** One page of a PDF, drawn on a canvas as wide as the frame at a zoom of 1. */
export function PdfPage({ address, label, view }: { address: string; label: string; view: View }) {
  const t = useMessages(zh, en)
  const frame = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [document, setDocument] = useState<PDFDocumentProxy | null>(null)
  const [state, setState] = useState<State>('loading')

  useEffect(() => {
    const stop = new AbortController()
    let destroy = () => Promise.resolve()
    void (async () => {
      const answer = await fetch(address, { signal: stop.signal })
      if (!answer.ok) throw new Error(String(answer.status))
      const task = open(await answer.arrayBuffer())
      destroy = () => task.destroy()
      if (stop.signal.aborted) return destroy()
      const opened = await task.promise
      if (!stop.signal.aborted) setDocument(opened)
    })().catch(() => {
      if (!stop.signal.aborted) setState('broken')
    })
    return () => {
      stop.abort()
      void destroy()
    }
  }, [address])

  useEffect(() => {
    if (!document || !canvas.current || !frame.current) return
    const target = canvas.current
    const width = frame.current.clientWidth
    let gone = false
    let cancel = () => {}
    void (async () => {
      const page = await document.getPage(Math.min(view.page, document.numPages))
      if (gone) return
      const rotation = (page.rotate + view.turn) % 360
      const fit = width / page.getViewport({ scale: 1, rotation }).width
      const viewport = page.getViewport({ scale: fit * view.zoom * sharpness(view.zoom), rotation })
      const drawn = window.document.createElement('canvas') // beside what is shown, so that nothing flickers
      drawn.width = Math.ceil(viewport.width)
      drawn.height = Math.ceil(viewport.height)
      const task = page.render({ canvas: drawn, viewport })
      cancel = () => task.cancel()
      await task.promise
      if (gone) return
      target.width = drawn.width
      target.height = drawn.height
      target.style.width = `${view.zoom * 100}%`
      target.getContext('2d')?.drawImage(drawn, 0, 0)
      target.dataset.drawn = `${view.page}/${view.turn}/${view.zoom}`
      setState('shown')
    })().catch(() => {
      if (!gone) setState('broken')
    })
    return () => {
      gone = true
      cancel()
    }
  }, [document, view.page, view.turn, view.zoom])

  return (
    <div ref={frame} data-testid="viewer-pdf" data-state={state}>
      {state === 'loading' && <Loading />}
      {state === 'broken' && <div className="viewer-empty" role="alert"><p>{t.broken}</p></div>}
      <canvas ref={canvas} role="img" aria-label={label} hidden={state !== 'shown'} style={{ display: state === 'shown' ? 'block' : 'none', margin: '0 auto' }} />
    </div>
  )
}

/** More points than the screen's only where the page is not large already: a canvas has bounds. */
const sharpness = (zoom: number): number => (zoom <= 2 ? Math.min(2, Math.max(1, devicePixelRatio)) : 1)
