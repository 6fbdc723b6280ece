import { useEffect, useRef } from 'react'

/** Letters that do something on this page. Not while a person types or a dialogue is open, and never with Ctrl, Alt or ⌘. */
export function useKeys(keys: Readonly<Record<string, () => void>>, enabled = true): void {
  const now = useRef(keys)
  useEffect(() => {
    now.current = keys
  })
  useEffect(() => {
    if (!enabled) return
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return
      const target = event.target instanceof Element ? event.target : null
      if (target?.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [role=dialog], [role=combobox], [contenteditable]')) return
      if (event.key === 'Enter' && target?.closest('a, button, summary')) return // it presses what has the focus
      const act = now.current[event.key]
      if (!act) return
      event.preventDefault()
      act()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [enabled])
}
