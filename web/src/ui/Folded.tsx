import { Button } from 'antd'
import { useId, useState } from 'react'
import { useCommon } from '@/i18n/common'

/** A text of which the beginning is shown until somebody wants all of it. */
export function Folded({ text, most = 48 }: { text: string; most?: number }) {
  const t = useCommon()
  const id = useId()
  const [open, setOpen] = useState(false)
  const letters = Array.from(text) // no letter is cut in two
  if (letters.length <= most + 20) return <>{text}</>
  return (
    <>
      <span id={id}>{open ? text : `${letters.slice(0, most).join('')}…`}</span>{' '}
      <Button size="small" type="link" style={{ padding: 0 }} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)} data-testid="unfold">{open ? t.less : t.more}</Button>
    </>
  )
}
