import { Button } from 'antd'
import { useRef, useState } from 'react'
import { useCommon } from '@/i18n/common'
import { readFile, size } from '@/lib/bytes'
import type { Picked } from './FilePick'

interface Props {
  label: string
  value: readonly Picked[]
  pick: (files: Picked[]) => void
  /** Units: bytes; of one file, and of all together. */
  limit: number
  total: number
  /** How many at most. */
  most: number
  testId: string
}

/** Files, read in the page and listed in order. Nothing is uploaded until the page says so. */
export function FilesPick({ label, value, pick, limit, total, most, testId }: Props) {
  const { file: t, punctuation } = useCommon()
  const input = useRef<HTMLInputElement>(null)
  const [refused, setRefused] = useState('')

  const take = async (chosen: File[]) => {
    if (chosen.length === 0) return
    const whole = [...value, ...chosen].reduce((sum, file) => sum + ('size' in file ? file.size : file.bytes.length), 0)
    const large = chosen.find((file) => file.size > limit)
    const why = large ? `${large.name}${punctuation.colon}${t.tooLarge(size(limit))}` : value.length + chosen.length > most ? t.tooMany(most) : whole > total ? t.tooLargeTogether(size(total)) : ''
    setRefused(why)
    if (why) return
    try {
      pick([...value, ...(await Promise.all(chosen.map(async (file) => ({ name: file.name, bytes: await readFile(file) }))))])
    } catch {
      setRefused(t.unreadable)
    }
  }

  return (
    <div className="stack" style={{ gap: 8 }}>
      <div className="row file-pick">
        <label htmlFor={testId}><strong>{label}</strong></label>
        <input
          id={testId}
          ref={input}
          type="file"
          multiple
          className="visually-hidden"
          data-testid={testId}
          aria-describedby={`${testId}-state`}
          onChange={(event) => {
            void take([...(event.target.files ?? [])])
            event.target.value = '' // so that the same file can be chosen again
          }}
        />
        <Button tabIndex={-1} aria-hidden="true" onClick={() => input.current?.click()}>{t.choose}</Button>
        <span id={`${testId}-state`} className="wrap" role="status">
          {refused || (value.length > 0 ? t.chosen(value.length, size(value.reduce((sum, one) => sum + one.bytes.length, 0))) : <span className="quiet">{t.none}</span>)}
        </span>
      </div>
      {value.length > 0 && (
        <ol className="stack" style={{ gap: 4, margin: 0, paddingInlineStart: 24 }} data-testid={`${testId}-list`}>
          {value.map((one, i) => (
            <li key={`${i} ${one.name}`}>
              <span className="row">
                <span className="wrap">{one.name} ({size(one.bytes.length)})</span>
                <Button size="small" aria-label={`${t.remove} ${one.name}`} onClick={() => pick(value.filter((_, at) => at !== i))}>{t.remove}</Button>
              </span>
            </li>
          ))}
        </ol>
      )}
    </div>
  )
}
