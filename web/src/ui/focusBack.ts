const open = () => [...document.querySelectorAll<HTMLElement>('.ant-modal-wrap')].some((one) => one.style.display !== 'none')

/**
 * Gives the focus back to where it was when a dialogue is taken away. The library does so when a dialogue is closed, but most of ours are not closed:
 * they go with the state that showed them, and the keyboard would begin at the top of the page.
 *
 * Answers how to stop it.
 */
export function giveFocusBack(): () => void {
  let last: EventTarget | null = null
  let shown = false
  const remember = ({ target }: FocusEvent) => {
    if (open()) shown = true // whatever has the focus now, it is given back to what had it before
    else last = target
  }
  // Dialogues hang on the body itself.
  const watch = new MutationObserver(() => {
    if (!shown || open()) return
    shown = false
    const back = last instanceof HTMLElement && last.isConnected ? last : document.getElementById('main')
    back?.focus({ preventScroll: true })
  })
  addEventListener('focusin', remember)
  watch.observe(document.body, { childList: true })
  return () => {
    removeEventListener('focusin', remember)
    watch.disconnect()
  }
}
