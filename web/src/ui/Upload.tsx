import { Button, Progress } from 'antd'
import { useEffect, useRef, useState, type DragEvent } from 'react'
import { Problem } from './Problem'
import { useCommon } from '@/i18n/common'
import { size } from '@/lib/bytes'
import { shrink } from '@/lib/picture'

interface Props {
  /** What a screen reader calls it, such as 上传营业执照. */
  label: string
  /** Shown on the button. */
  text: string
  /** Units: bytes. Pictures above it are made smaller here before they are sent. */
  imageBytes: number
  pdfBytes: number
  send: (file: Blob, name: string, progress: (share: number) => void, signal: AbortSignal) => Promise<unknown>
  disabled?: boolean
  testId: string
}

interface Going {
  name: string
  before: number
  now: number
  share: number
}

/**
 * One file at a time, chosen, dropped or taken with the phone's camera, sent at once. Large pictures are made smaller in the page, and
 * the sizes shown; what goes wrong is said beside it.
 */
export function Upload({ label, text, imageBytes, pdfBytes, send, disabled = false, testId }: Props) {
  const { file: t, cancel } = useCommon()
  const input = useRef<HTMLInputElement>(null)
  const abort = useRef<AbortController>(null)
  const [going, setGoing] = useState<Going | null>(null)
  const [wrong, setWrong] = useState<string | null>(null)
  const [refused, setRefused] = useState<unknown>(null)
  const [over, setOver] = useState(false)
  useEffect(() => () => abort.current?.abort(), [])

  const take = async (file: File | undefined) => {
    if (!file || going || disabled) return
    setWrong(null)
    setRefused(null)
    if (!file.type.startsWith('image/') && file.size > pdfBytes) return setWrong(t.tooLarge(size(pdfBytes)))
    const control = new AbortController()
    abort.current = control
    setGoing({ name: file.name, before: file.size, now: 0, share: 0 })
    try {
      const ready = await shrink(file, imageBytes)
      const state = { name: ready.name, before: ready.before, now: ready.file.size }
      setGoing({ ...state, share: 0 })
      await send(ready.file, ready.name, (share) => setGoing({ ...state, share }), control.signal)
    } catch (error) {
      if (error instanceof Error && error.message === 'unreadable') setWrong(t.unreadable)
      else if (error instanceof Error && error.message === 'large') setWrong(t.tooLarge(size(imageBytes)))
      else if (!(error instanceof DOMException)) setRefused(error)
    } finally {
      setGoing(null)
    }
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    void take(event.dataTransfer.files[0])
  }

  return (
    <div
      className={over ? 'drop drop-over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(!disabled)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        ref={input}
        type="file"
        accept="image/*,application/pdf"
        className="visually-hidden"
        tabIndex={-1}
        aria-label={label}
        data-testid={testId}
        disabled={disabled}
        onChange={(event) => {
          void take(event.target.files?.[0])
          event.target.value = '' // so that the same file can be chosen again
        }}
      />
      {going ? (
        <div className="row" role="status">
          <span className="wrap">
            {going.name} <span className="quiet">{going.now > 0 && going.now < going.before ? t.smaller(size(going.before), size(going.now)) : size(going.before)}</span>
          </span>
          <Progress percent={Math.round(going.share * 100)} size="small" aria-label={label} style={{ width: 120 }} />
          <Button size="small" onClick={() => abort.current?.abort()}>{cancel}</Button>
        </div>
      ) : (
        <div className="row">
          <Button disabled={disabled} onClick={() => input.current?.click()} aria-label={label}>{text}</Button>
          <span className="quiet drop-hint">{t.dropHere}</span>
        </div>
      )}
      {wrong && <div role="alert" className="drop-wrong">{wrong}</div>}
      <Problem error={refused} testId={`${testId}-problem`} />
    </div>
  )
}
