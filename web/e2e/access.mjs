// The pages for those who enlarge, who listen, who have no mouse: the main pages of a company and of the staff at 200 % and at 320 px, in English, in forced
// colours, by keyboard alone; and what they show when there is nothing, and when the server fails. Run by scripts/test with its neighbours.
//
// 200 % is the browser's zoom, which WCAG 1.4.4 lets do: 1280 px wide it leaves 640. 320 px is its 400 %, for 1.4.10. Text that is enlarged alone,
// as Firefox can, is not tried.
import assert from 'node:assert/strict'
import { outbox, still, until } from './rig.mjs'
import { startCompany } from './parts/company.mjs'
import { chinese, faults, focus } from './parts/judge.mjs'

const phone = '13858011097'
const password = 'Access-2026'
const serial = '74C2008800000AE9'

// Pages that are a list, and must say so when it is empty.
const lists = ['services', 'orders', 'certificates', 'applications', 'tokens', 'notices', 'queue', 'finance', 'audit', 'staff']

const company = await startCompany('access')
const { page, server, tab, say, mine, session, troubles } = company
const agent = { log: '', stop: () => undefined } // nothing here is done with a key

await company.run(agent, [password], async () => {
  say('a company with an order and an application in review')
  await company.enter('擎洲测试投标人6', phone, password)
  const made = await make()
  await page.context().clearCookies()

  say('keyboard alone: past the menu, in, a service’s dialogue opened and left, an application begun and given up')
  const keys = keyboard(page)
  await page.goto('/p/jhggzy')
  const way = page.getByRole('tab', { name: 'UKey 登录' })
  await way.click()
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 900 })
    await still(page)
    assert.equal(await way.getAttribute('aria-selected'), 'true', 'the way to log in is kept when the window is turned or zoomed')
  }
  await page.reload()
  await page.getByTestId('login-captcha-image').waitFor()
  await keys.to('a.skip')
  await page.keyboard.press('Enter')
  await keys.type('login-username', phone)
  await keys.type('login-password', password)
  await keys.type('login-captcha', await answer(page))
  await keys.press('login-submit')
  await page.getByTestId('today').waitFor()
  await keys.press('menu-certificates')
  await page.getByTestId(`certificate-unlock-${serial}`).waitFor()
  await told('我的证书')
  await keys.press(`certificate-unlock-${serial}`)
  await dialogue(page, `certificate-unlock-${serial}`)
  await keys.press(`certificate-change-${serial}`)
  await page.getByTestId('change-confirm').waitFor()
  await keys.press('change-confirm')
  await keys.press('change-change_legal')
  await company.course('form')
  await keys.type('course-legalRep', '周九')
  await keys.press('wizard-withdraw')
  await page.getByRole('dialog').waitFor()
  await keys.to('.ant-modal-confirm-btns .ant-btn-primary')
  await page.keyboard.press('Enter')
  await company.stage('end')
  await makeDraft(made)

  say('keyboard alone: a reviewer takes an application, approves it and is back at the queue')
  const reviewer = await tab()
  const hands = keyboard(reviewer)
  const { login, password: secret } = server.dev.accounts.find((one) => one.role === 'reviewer')
  await reviewer.goto('/admin')
  await reviewer.getByTestId('login-captcha-image').waitFor()
  await hands.type('login-username', login)
  await hands.type('login-password', secret)
  await hands.type('login-captcha', await answer(reviewer))
  await hands.press('login-submit')
  await hands.press('office-review')
  await reviewer.getByTestId(`review-open-${made.number}`).waitFor()
  await hands.press(`review-open-${made.number}`)
  await hands.press('review-claim')
  await reviewer.getByTestId('review-approve').waitFor()
  await hands.press('review-approve')
  await dialogue(reviewer, 'review-approve')
  await reviewer.keyboard.press('?')
  await reviewer.getByRole('dialog').waitFor()
  await reviewer.keyboard.press('Escape')
  await reviewer.getByRole('dialog').waitFor({ state: 'hidden' })
  await reviewer.keyboard.press('a')
  await reviewer.getByTestId('decision-text').getByText(made.number).waitFor()
  await hands.press('decision-submit')
  await reviewer.getByTestId('review-list').waitFor()

  say('reduced motion is kept to: nothing takes longer than a blink')
  const slow = await page.evaluate(() => [...document.querySelectorAll('*')].filter((one) => Math.max(...getComputedStyle(one).transitionDuration.split(',').map(parseFloat)) > 0.05).length)
  assert.equal(slow, 0, 'transitions run though the person asked for none')

  for (const [name, path] of made.pages) await examine(page, name, path)
  for (const [role, pages] of Object.entries(made.desks)) {
    const at = role === 'reviewer' ? reviewer : await desk(role)
    for (const [name, path] of pages) await examine(at, name, path)
    if (role !== 'reviewer') await at.context().close()
  }
})

/** What the pages show, made by the API. */
async function make() {
  const [certificate] = (await mine('GET', '/certificates')).items
  const [service] = (await mine('GET', '/services')).items
  const order = await mine('POST', `/services/${service.id}/orders`, {})
  const fresh = await mine('POST', '/applications', { kind: 'new', projectSlug: 'jhggzy' })
  await mine('PATCH', `/applications/${fresh.id}`, { delivery: 'own' })
  for (const [type, path] of [['registration_form', '/'], ['handler_id', '/about'], ['licence', '/contact']]) {
    await page.goto(path)
    const data = await page.screenshot({ type: 'jpeg', quality: 70 })
    const sent = await page.request.post(`/api/v1/applications/${fresh.id}/materials?type=${type}&name=${type}.jpg`, { headers: { Origin: server.dev.url, 'Content-Type': 'application/octet-stream' }, data })
    assert.equal(sent.status(), 201, await sent.text())
  }
  await mine('POST', `/applications/${fresh.id}/submit`, {})
  const mineAt = (path) => `/account/${path}`
  return {
    number: fresh.number,
    certificate,
    pages: [
      ['project', '/p/jhggzy'], ['today', mineAt('home')], ['services', mineAt('services')], ['orders', mineAt('orders')], ['order', mineAt(`orders/${order.id}`)],
      ['certificates', mineAt('certificates')], ['certificate', mineAt(`certificates/${certificate.id}`)], ['applications', mineAt('applications')], ['tokens', mineAt('tokens')],
      ['token', mineAt(`tokens/${encodeURIComponent(certificate.tokenSerial ?? 'SK-1')}`)], ['notices', mineAt('notices')], ['profile', mineAt('profile')], ['members', mineAt('members')],
    ],
    desks: {
      reviewer: [['queue', '/admin/review'], ['desk', `/admin/review/${fresh.id}`], ['inventory', '/admin/certificates']],
      finance: [['finance', '/admin/orders']],
      auditor: [['statistics', '/admin/statistics'], ['audit', '/admin/audit'], ['operations', '/admin/operations'], ['content', '/admin/content'], ['staff', '/admin/staff']],
    },
  }
}

/** A draft for the wizard; there is one application at a time for a certificate. */
async function makeDraft({ certificate, pages }) {
  const { id } = await mine('POST', '/applications', { kind: 'change_name', certificateId: certificate.id })
  await mine('PATCH', `/applications/${id}`, { name: '擎洲测试投标人陆有限公司' })
  for (const step of ['form', 'materials']) pages.push([`wizard ${step}`, `/account/applications/${id}?step=${step}`])
}

/** One page at every width, in both languages, in forced colours, empty, and failing. */
async function examine(at, name, path) {
  say(`${name}: zoom, language, forced colours, empty, failing`)
  const said = new Set()
  const hear = (answer) => void remember(answer, said)
  at.on('response', hear)
  await at.goto(path)
  await shown(at)
  assert.equal(await at.locator('h1').count(), 1, `${name} has one h1`)
  const title = await at.title()
  assert.ok(title.startsWith(await at.locator('h1').innerText()), `${name} is called by its heading: ${title}`)
  await widths(at, name)
  await at.emulateMedia({ forcedColors: 'active' })
  for (const one of await unmarked(at)) troubles.push(`${name} in forced colours: ${one}`)
  await at.emulateMedia({ forcedColors: 'none' })

  await at.getByTestId('language-switch').click()
  await at.locator('html[lang=en-US]').waitFor()
  await shown(at)
  for (const one of await chinese(at, [...said].sort((a, b) => b.length - a.length))) troubles.push(`${name} in English says: ${one}`)
  await widths(at, `${name} in English`)
  at.off('response', hear)
  await at.getByTestId('language-switch').click()
  await at.locator('html[lang=zh-CN]').waitFor()
  await empty(at, name)
  await failing(at, name)
}

async function widths(at, name) {
  for (const [width, height] of [[640, 450], [320, 640]]) {
    await at.setViewportSize({ width, height })
    await still(at)
    for (const one of await faults(at)) troubles.push(`${name} at ${width} px: ${one}`)
  }
  await at.setViewportSize({ width: 1280, height: 900 })
  await still(at)
}

/** The page is there, and nothing loads any more. */
async function shown(at) {
  await at.locator('h1').first().waitFor()
  await until(async () => (await at.locator('.ant-spin-spinning').count()) === 0, 'the page to be loaded')
  await still(at)
}

/** Every Chinese string of an answer is data, not words of ours. */
async function remember(answer, said) {
  if (!answer.url().includes('/api/v1/') || !answer.headers()['content-type']?.includes('json')) return
  const take = (value) => {
    if (value && typeof value === 'object') return Object.values(value).forEach(take)
    if (typeof value === 'string' && /[^\x20-\x7e]/.test(value)) for (const one of [value, ...value.split('\n')]) if (one.trim()) said.add(one.trim())
  }
  take(await answer.json().catch(() => null)) // a page that was left takes its answers along
}

/** What is chosen is told from what is not without its colour; a state has a sign beside its colour. */
function unmarked(at) {
  return at.evaluate(() => {
    const found = []
    for (const tag of document.querySelectorAll('.tag:not(.tag-mark)')) if (!tag.querySelector('[aria-hidden=true]')?.textContent.trim()) found.push(`a state without a sign: ${tag.textContent}`)
    const look = (one) => {
      const { borderColor, outlineStyle, backgroundColor, textDecorationLine, fontWeight } = getComputedStyle(one)
      return JSON.stringify([borderColor, outlineStyle, backgroundColor, textDecorationLine, fontWeight])
    }
    for (const [chosen, others] of [['[role=tab][aria-selected=true]', '[role=tab][aria-selected=false]'], ['nav li a[aria-current=page]', 'nav li a:not([aria-current=page])'], ['.ant-segmented-item-selected', '.ant-segmented-item:not(.ant-segmented-item-selected)']]) {
      const [one, other] = [document.querySelector(chosen), document.querySelector(others)]
      const bar = one?.closest('.ant-tabs')?.querySelector('.ant-tabs-ink-bar')
      if (bar && getComputedStyle(bar).backgroundColor !== getComputedStyle(document.body).backgroundColor) continue
      if (one && other && look(one) === look(other)) found.push(`${chosen} looks like any other`)
    }
    return found
  })
}

/** With nothing in any list the page says so; it is neither blank nor broken. */
async function empty(at, name) {
  await at.route('**/api/v1/**', async (route) => {
    if (route.request().method() !== 'GET') return route.fallback()
    const answer = await route.fetch()
    const json = await answer.json().catch(() => null)
    if (!Array.isArray(json?.items)) return route.fulfill({ response: answer })
    return route.fulfill({ response: answer, json: { ...json, items: [], more: false, ...(json.page ? { page: { ...json.page, page: 1, pages: 0, total: 0 } } : {}) } })
  })
  await at.reload()
  await shown(at)
  const text = await at.locator('main').innerText()
  if (/undefined|NaN|\[object/.test(text)) troubles.push(`${name} empty: ${text.slice(0, 200)}`)
  if (lists.includes(name) && (await at.locator('main .ant-empty').count()) === 0) troubles.push(`${name} does not say that it is empty`)
  for (const one of await faults(at)) troubles.push(`${name} empty: ${one}`)
  await at.unrouteAll({ behavior: 'ignoreErrors' })
}

/** When every question of the page fails it says so, with a number for support; trying again brings it back without loading it anew. */
async function failing(at, name) {
  const json = { type: 'about:blank', title: 'internal', status: 500, code: 'internal', requestId: 'req_walk' }
  await at.route((url) => url.pathname.startsWith('/api/v1/') && url.pathname !== '/api/v1/session', (route) => route.fulfill({ status: 500, headers: { 'x-walk': '1' }, contentType: 'application/problem+json', json }))
  await at.reload()
  const retry = at.locator('main .ant-alert-error button')
  await retry.first().waitFor()
  await at.locator('main').getByText('req_walk').first().waitFor()
  for (const one of await faults(at)) troubles.push(`${name} failing: ${one}`)
  await at.unrouteAll({ behavior: 'ignoreErrors' })
  await until(async () => {
    if ((await retry.count()) === 0) return true
    await retry.first().click({ timeout: 1_000 }).catch(() => undefined) // it may be gone by itself
    return false
  }, `${name} to come back`)
  await shown(at)
}

/** Keys, and nothing else. Whatever Tab stops at must be seen to have the focus, and let it go again. */
function keyboard(at) {
  const to = async (selector) => {
    await at.locator(selector).first().waitFor({ state: 'attached' })
    for (let turn = 0, last = ''; turn < 120; turn++) {
      const now = await focus(at, selector)
      if (now.fault) troubles.push(`${at.url()}: ${now.fault}`)
      if (now.there) return
      if (turn > 0 && now.place && now.place === last) throw new Error(`the focus is held at ${now.place}`)
      last = now.place
      await at.keyboard.press('Tab')
    }
    throw new Error(`Tab does not come to ${selector}`)
  }
  const named = (id) => `[data-testid="${id}"]`
  return {
    to,
    press: async (id) => {
      await to(`${named(id)}:not(:disabled)`)
      await at.keyboard.press('Enter')
    },
    type: async (id, text) => {
      await to(named(id))
      await at.keyboard.type(text)
    },
  }
}

/** An open dialogue holds the focus; Escape closes it, and the focus is back where it came from. */
async function dialogue(at, from) {
  const box = at.getByRole('dialog')
  await box.waitFor()
  const where = () => box.evaluate((one) => (document.activeElement?.closest('.ant-modal-wrap')?.contains(one) ? 'in' : document.activeElement === document.body ? 'browser' : document.activeElement?.outerHTML.slice(0, 200)))
  await until(async () => (await where()) === 'in', 'the focus to go to the dialogue')
  for (let turn = 0; turn < 8; turn++) {
    await at.keyboard.press('Tab')
    const now = await where()
    if (now !== 'in' && now !== 'browser') troubles.push(`${at.url()}: the focus left an open dialogue for ${now}`)
  }
  await at.keyboard.press('Escape')
  await box.waitFor({ state: 'hidden' })
  await at.locator(`[data-testid="${from}"]:focus`).waitFor()
}

/** The name of a page that was come to by a link is told to those who listen. */
async function told(name) {
  await page.locator('#announce[role=status]').getByText(name).waitFor({ state: 'attached' })
}

async function answer(at) {
  const shownId = await at.getByTestId('login-captcha-image').getAttribute('data-captcha')
  return until(async () => (await outbox(server, `captcha:${shownId}`))[0]?.text.match(/\d{4}/)?.[0], 'the captcha')
}

async function desk(role) {
  const at = await tab()
  const { login, password: secret } = server.dev.accounts.find((one) => one.role === role)
  await session(at, login, secret)
  return at
}
