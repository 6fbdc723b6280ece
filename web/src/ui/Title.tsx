import { useEffect, type ReactNode } from 'react'
import { useCommon } from '@/i18n/common'

/** The page's one h1, which also names the browser tab. */
export function Title({ text, extra }: { text: string; extra?: ReactNode }) {
  const t = useCommon()
  useEffect(() => {
    document.title = `${text} · ${t.brand}`
  }, [text, t.brand])
  return (
    <div className="row" style={{ justifyContent: 'space-between', marginBottom: 16 }}>
      <h1 className="title" style={{ margin: 0 }}>{text}</h1>
      {extra}
    </div>
  )
}
