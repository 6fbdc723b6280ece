import { useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'

interface Item {
  key: string
  label: string
  children: ReactNode
}

/** A few tabs that fit beside each other. The library's own brings its menus along, which the login page would have to load. */
export function TabBar({ label, items }: { label: string; items: readonly Item[] }) {
  const id = useId()
  const bar = useRef<HTMLDivElement>(null)
  const [open, setOpen] = useState(0)
  const move = (event: KeyboardEvent) => {
    const to = { ArrowRight: open + 1, ArrowLeft: open - 1, Home: 0, End: items.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    const next = (to + items.length) % items.length
    setOpen(next)
    bar.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus()
  }
  return (
    <>
      <div className="tab-bar" role="tablist" aria-label={label} onKeyDown={move} ref={bar}>
        {items.map((item, n) => (
          <button key={item.key} type="button" role="tab" id={`${id}-${item.key}`} aria-selected={n === open} aria-controls={`${id}-panel`} tabIndex={n === open ? 0 : -1} onClick={() => setOpen(n)}>{item.label}</button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${items[open]?.key ?? ''}`} key={items[open]?.key}>{items[open]?.children}</div>
    </>
  )
}
