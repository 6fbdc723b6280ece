import { useEffect, type ReactNode } from 'react'
import { useNavigationType } from 'react-router'
import { useCommon } from '@/i18n/common'
import { announce } from './announce'

/** The browser itself tells the name of the page it opens; the pages after it are ours to tell. */
let opened = false

/** The page's one h1, which also names the browser tab. A page begins at its top, for the eye, the keyboard and the screen reader. */
export function Title({ text, extra }: { text: string; extra?: ReactNode }) {
  const t = useCommon()
  const how = useNavigationType()
  useEffect(() => {
    if (!opened) return
    if (how !== 'POP') scrollTo({ top: 0 }) // back is where it was
    // The link that led here is gone with its page: without this, Tab would begin at the browser's window.
    if (document.activeElement === document.body) document.getElementById('main')?.focus({ preventScroll: true })
  }, []) // once for each page, however it was come to
  useEffect(() => {
    document.title = `${text} · ${t.brand}`
    if (opened) announce(text)
    opened = true
  }, [text, t.brand])
  return (
    <div className="row" style={{ justifyContent: 'space-between', marginBottom: 16 }}>
      <h1 className="title" style={{ margin: 0 }}>{text}</h1>
      {extra}
    </div>
  )
}
