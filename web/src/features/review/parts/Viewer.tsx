import { Button } from 'antd'
import { size } from '@/lib/bytes'
import { fileAddress, type Material } from '../queries'
import { useText } from '../text'

export interface View {
  zoom: number
  turn: number
}

export const straight: View = { zoom: 1, turn: 0 }
const steps = [0.5, 0.75, 1, 1.5, 2, 3, 4] as const

/** One step nearer or farther, within bounds. */
export function zoomed(view: View, way: 1 | -1): View {
  const at = steps.findIndex((zoom) => zoom >= view.zoom)
  return { ...view, zoom: steps[Math.min(steps.length - 1, Math.max(0, at + way))] ?? 1 }
}

export const turned = (view: View, way: 1 | -1): View => ({ ...view, turn: (view.turn + way * 90 + 360) % 360 })

interface Props {
  applicationId: string
  file: Material | undefined
  view: View
  set: (view: View) => void
  index: number
  count: number
  go: (way: 1 | -1) => void
}

/** One file, large: nearer, turned, the next. A picture is shown here; a PDF is opened by the browser's own viewer. */
export function Viewer({ applicationId, file, view, set, index, count, go }: Props) {
  const { viewer: t } = useText()
  if (!file) return <div className="viewer viewer-empty">{t.none}</div>
  const address = fileAddress(applicationId, file.id)
  const picture = file.mediaType !== 'application/pdf'
  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row" role="toolbar" aria-label={t.label}>
        <Button size="small" disabled={index === 0} onClick={() => go(-1)} aria-keyshortcuts="k">{t.previous} (k)</Button>
        <Button size="small" disabled={index >= count - 1} onClick={() => go(1)} aria-keyshortcuts="j" data-testid="viewer-next">{t.next} (j)</Button>
        {picture && (
          <>
            <Button size="small" onClick={() => set(zoomed(view, 1))} aria-label={t.nearer} data-testid="viewer-nearer">+</Button>
            <Button size="small" onClick={() => set(zoomed(view, -1))} aria-label={t.farther}>−</Button>
            <Button size="small" onClick={() => set(turned(view, -1))} aria-label={t.left}>↺</Button>
            <Button size="small" onClick={() => set(turned(view, 1))} aria-label={t.right} data-testid="viewer-right">↻</Button>
          </>
        )}
        <a href={address} target="_blank" rel="noreferrer" download={file.name}>{t.download}</a>
        <span className="quiet">{t.position(index + 1, count)} · {Math.round(view.zoom * 100)}%</span>
      </div>
      <div className="viewer" tabIndex={0} role="group" aria-label={file.name} data-testid="viewer" data-zoom={view.zoom} data-turn={view.turn}>
        {picture ? (
          <img src={address} alt={file.name} style={{ width: `${view.zoom * 100}%`, transform: `rotate(${view.turn}deg)` }} />
        ) : (
          <div className="viewer-empty">
            <p>{t.pdf(file.pages ?? 1, size(file.size))}</p>
            <Button href={address} target="_blank" download={file.name}>{t.openPdf}</Button>
          </div>
        )}
      </div>
    </div>
  )
}
