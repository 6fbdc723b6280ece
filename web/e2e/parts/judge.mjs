// What can be measured of a page by whoever cannot see it: nothing cut off, nothing out of reach, no word of the other language, focus in sight.

/** What is wrong with the page as it stands at its present width, in a line each. */
export function faults(at) {
  return at.evaluate(() => {
    const found = []
    const name = (one) => `${one.tagName.toLowerCase()}${one.dataset.testid ? `[${one.dataset.testid}]` : one.className && typeof one.className === 'string' ? `.${one.className.trim().split(/\s+/).join('.')}` : ''}`
    const root = document.documentElement
    if (root.scrollWidth > root.clientWidth) {
      const wide = [...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1).slice(0, 3).map(name)
      found.push(`${root.scrollWidth - root.clientWidth} px too wide: ${wide.join(', ')}`)
    }
    const shown = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest('.visually-hidden, [aria-hidden=true], .skip')
    // Text that runs out of a box which hides what is outside of it, and says nothing of the rest.
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const range = document.createRange()
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const holder = node.parentElement
      if (!node.data.trim() || !shown(holder)) continue
      range.selectNodeContents(node)
      const { left, right, top, bottom, width, height } = range.getBoundingClientRect()
      if (width === 0 || height === 0) continue
      for (let box = holder; box && box !== document.body; box = box.parentElement) {
        const style = getComputedStyle(box)
        const [x, y] = [style.overflowX, style.overflowY]
        if (style.clipPath !== 'none' || box.matches('.ant-tabs-nav-wrap')) break // for screen readers only; moved by the arrows, with a menu of the rest
        if (x === 'auto' || x === 'scroll' || y === 'auto' || y === 'scroll') break // it can be scrolled to
        const frame = box.getBoundingClientRect()
        const cut = (x !== 'visible' && (left < frame.left - 2 || right > frame.right + 2)) || (y !== 'visible' && (top < frame.top - 4 || bottom > frame.bottom + 4))
        if (cut && !(style.textOverflow === 'ellipsis' && box.closest('[title]'))) {
          found.push(`cut off in ${name(box)}: ${node.data.trim().slice(0, 40)}`)
          break
        }
        if (style.position === 'fixed') break
      }
    }
    // What can be pressed lies open once it is scrolled to.
    for (const one of document.querySelectorAll('a[href], button:not(:disabled), input:not([type=hidden]):not([type=file]), textarea, [role=tab]')) {
      if (!shown(one) || one.closest('.ant-select, .ant-checkbox, .ant-radio, .ant-switch')) continue
      one.scrollIntoView({ block: 'center', inline: 'center' })
      const [frame] = one.getClientRects()
      if (!frame || frame.width === 0) continue
      const over = document.elementFromPoint(frame.left + frame.width / 2, frame.top + frame.height / 2)
      if (!over) found.push(`out of sight: ${name(one)} ${one.textContent.slice(0, 30)}`)
      else if (!one.contains(over) && !over.contains(one) && !over.closest('label')?.contains(one)) found.push(`${name(one)} ${one.textContent.slice(0, 30)} lies under ${name(over)}`)
    }
    scrollTo(0, 0)
    return [...new Set(found)]
  })
}

/** Chinese words that the English page shows and that did not come as data; said are the strings that the server sent. */
export function chinese(at, said) {
  return at.evaluate((data) => {
    const foreign = /[\u3007\u3400-\u9fff\uff01-\uff5e\u3001-\u3011]/
    const known = new Set(data)
    const brand = /Signet 印信|印信 Signet/g // is written so in every language
    const rest = (text) => {
      let left = text.replace(brand, '').trim()
      if (known.has(left)) return ''
      for (const one of data) if (left.includes(one)) left = left.replaceAll(one, '')
      return foreign.test(left) ? text.trim() : ''
    }
    const found = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (foreign.test(node.data) && !node.parentElement.closest('[lang]:not(html):not([lang=en-US]), script, style, noscript')) found.push(rest(node.data))
    }
    for (const one of document.querySelectorAll('[aria-label], [title], [placeholder], [alt], [aria-description]')) {
      if (one.closest('[lang]:not(html):not([lang=en-US])')) continue
      for (const which of ['aria-label', 'title', 'placeholder', 'alt', 'aria-description']) {
        const text = one.getAttribute(which)
        if (text && foreign.test(text) && rest(text)) found.push(`${which}: ${rest(text)}`)
      }
    }
    found.push(rest(document.title))
    return [...new Set(found.filter(Boolean))]
  }, said)
}

/** Where the keyboard is: whether at the selector, and what is wrong with how that is shown. */
export function focus(at, selector) {
  return at.evaluate(async (wanted) => {
    for (let frame = 0; frame < 2; frame++) await new Promise((done) => requestAnimationFrame(done)) // a ring that grows has no width at first
    const one = document.activeElement
    if (!one || one === document.body) return { there: false, place: '' }
    const name = `${one.tagName.toLowerCase()} ${one.dataset.testid ?? ''} ${one.getAttribute('aria-label') ?? one.textContent.trim().slice(0, 30)}`
    const place = `${name} ${[...document.querySelectorAll('*')].indexOf(one)}`
    const there = one.matches(wanted)
    if (one.tabIndex < 0 || one.matches('[data-focus-guard], [aria-hidden=true]')) return { there, place } // no control: main, or what keeps a dialogue's focus
    const ringed = (box) => {
      const { outlineStyle, outlineWidth, outlineColor, opacity } = getComputedStyle(box)
      return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && opacity !== '0' && !/, 0\)$/.test(outlineColor)
    }
    const around = [one, one.parentElement, one.parentElement?.parentElement, one.parentElement?.parentElement?.parentElement, one.nextElementSibling, one.closest('.file-pick')?.querySelector('.ant-btn')]
    if (!around.some((box) => box && ringed(box))) return { there, place, fault: `nothing shows that the focus is at ${name}` }
    const frame = one.getBoundingClientRect()
    const [x, y] = [frame.left + frame.width / 2, frame.top + frame.height / 2]
    const over = document.elementFromPoint(x, y)
    if (!over) return { there, place, fault: `the focus is out of sight at ${name}` }
    const same = one.contains(over) || over.contains(one) || one.closest('label, .ant-select, .ant-upload')?.contains(over) || one.matches('.visually-hidden')
    return same ? { there, place } : { there, place, fault: `${name} has the focus under ${over.tagName.toLowerCase()} ${over.className}` }
  }, selector)
}
