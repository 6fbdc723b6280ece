import { Button } from 'antd'
import { useRef, useState } from 'react'
import { useCommon } from '@/i18n/common'
import { readFile, size } from '@/lib/bytes'

export interface Picked {
  name: string
  bytes: Uint8Array<ArrayBuffer>
}

interface Props {
  label: string
  value: Picked | null
  pick: (file: Picked | null) => void
  /** Units: bytes. */
  limit: number
  testId: string
}

/** One file, read in the page. Nothing is uploaded until the page says so. */
export function FilePick({ label, value, pick, limit, testId }: Props) {
  const { file: t } = useCommon()
  const input = useRef<HTMLInputElement>(null)
  const [refused, setRefused] = useState('')

  const take = async (file: File | undefined) => {
    if (!file) return
    const tooLarge = file.size > limit
    setRefused(tooLarge ? t.tooLarge(size(limit)) : '')
    if (tooLarge) return pick(null)
    try {
      pick({ name: file.name, bytes: await readFile(file) })
    } catch {
      setRefused(t.unreadable)
    }
  }

  return (
    <div className="row file-pick">
      <label htmlFor={testId}><strong>{label}</strong></label>
      <input
        id={testId}
        ref={input}
        type="file"
        className="visually-hidden"
        data-testid={testId}
        aria-describedby={`${testId}-state`}
        onChange={(event) => {
          void take(event.target.files?.[0])
          event.target.value = '' // so that the same file can be chosen again
        }}
      />
      <Button tabIndex={-1} aria-hidden="true" onClick={() => input.current?.click()}>{t.choose}</Button>
      <span id={`${testId}-state`} className="wrap" role="status">
        {refused || (value ? `${value.name} (${size(value.bytes.length)})` : <span className="quiet">{t.none}</span>)}
      </span>
      {value && <Button size="small" onClick={() => pick(null)}>{t.remove}</Button>}
    </div>
  )
}
