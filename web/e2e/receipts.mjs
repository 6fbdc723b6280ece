// Sealed bids at the certificate, receipts, key recovery and the officers' page, in a real browser.
// Run by scripts/test after walk.mjs. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { launch, outbox, root, startServer } from './rig.mjs'

const shots = process.env.SHOTS ?? join(root, 'web/screens')
mkdirSync(shots, { recursive: true })
const phone = '13858011086'
const password = 'Receipts-2026'

let step = ''
const say = (text) => {
  step = text
  console.log(`- ${text}`)
}

const server = await startServer()
const holder = server.dev.legacy.find((one) => one.name === '杭州田谷')
const browser = await launch()
const troubles = []
const page = await tab()
const id = (name) => page.getByTestId(name)

try {
  await enter()

  say('a sealed bid of one\'s own is registered at the certificate and taken off')
  await page.goto('/account/certificates')
  const { items } = await (await page.request.get('/api/v1/certificates')).json()
  await page.goto(`/account/certificates/${items[0].id}`)
  await id('seals-none').waitFor()
  await id('seal-add').click()
  await id('seal-name').fill('城东学校一期施工')
  await page.locator('#seal_opensAt').fill(soon())
  await page.locator('#seal_opensAt').press('Enter')
  await id('seal-save').click()
  await id('seal').getByText('城东学校一期施工').waitFor()
  await look('seals')
  await id('seal-remove').click()
  await id('seal').getByText('已解除').waitFor()

  say('receipts and recoveries that are not there yet say so')
  await page.goto('/account/receipts')
  await id('receipts-empty').waitFor()
  await look('receipts')
  await page.goto('/account/recoveries')
  await id('recoveries-empty').waitFor()
  await id('recovery-ask').click()
  await id('recovery-none').waitFor()
  await look('recoveries')

  say('the bell leads to the messages, of which there are none yet')
  await page.goto('/account/home')
  await id('bell').click()
  await id('notices-empty').waitFor()
  await look('notices')

  say('officers have a page without an account')
  const officer = await tab()
  await officer.goto('/kmc')
  await officer.getByTestId('officer-id').fill('op1')
  assert.match(await officer.getByTestId('officer-statement').innerText(), /^signet kmc docket 1\nofficer 3:op1\nat 20:/)
  await look('officer', officer)

  assert.deepEqual(troubles, [], 'errors in the browser')
  console.log('all steps passed')
} catch (error) {
  await page.screenshot({ path: join(shots, 'receipts-failed.png'), fullPage: true }).catch(() => undefined)
  console.error(`failed at: ${step}`)
  throw error
} finally {
  await browser.close()
  await server.stop()
}

/** Tomorrow at ten, as the field takes it. */
function soon() {
  const day = new Date(Date.now() + 24 * 3600 * 1000)
  const two = (n) => String(n).padStart(2, '0')
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())} 10:00`
}

/** A browser of its own for one person. Console errors are failures of the page; refusals that the walk provokes are not. */
async function tab() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'zh-CN', baseURL: server.dev.url, reducedMotion: 'reduce' })
  const fresh = await context.newPage()
  fresh.on('pageerror', (error) => troubles.push(`${fresh.url()}: ${error.message}`))
  fresh.on('console', (message) => {
    if (message.type() === 'error' && !/the server responded with a status of [45]/.test(message.text())) troubles.push(`${fresh.url()}: ${message.text()}`)
  })
  return fresh
}

async function login(at, name, secret) {
  const image = at.getByTestId('login-captcha-image')
  await image.waitFor()
  await at.getByTestId('login-username').fill(name)
  await at.getByTestId('login-password').fill(secret)
  const captcha = await image.getAttribute('data-captcha')
  await at.getByTestId('login-captcha').fill((await outbox(server, `captcha:${captcha}`))[0].text.match(/\d{4}/)[0])
  await at.getByTestId('login-submit').click()
}

/** The legacy holder sets phone and password, as walk.mjs does in all detail, and logs in. */
async function enter() {
  say('a legacy holder comes')
  await page.goto('/p/jhggzy')
  await login(page, holder.login, holder.password)
  await id('supplement-phone').fill(phone)
  await id('supplement-send').click()
  await id('supplement-sent-ok').click()
  await id('supplement-code').fill((await outbox(server, phone))[0].text.match(/\d{6}/)[0])
  await id('supplement-password').fill(password)
  await id('supplement-confirm').fill(password)
  await id('supplement-submit').click()
  await id('supplement-done').waitFor()
  await page.goto('/p/jhggzy')
  await login(page, phone, password)
  await id('greeting').first().waitFor()
}

/** Screenshots at both widths, no sideways scroll at 360 px, and an accessibility check. */
async function look(name, at = page) {
  await at.waitForTimeout(100)
  await at.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
  const found = await new AxeBuilder({ page: at }).withTags(['wcag2a', 'wcag2aa']).analyze()
  const grave = found.violations.filter((one) => one.impact === 'critical' || one.impact === 'serious')
  assert.deepEqual(grave.map((one) => `${name}: ${one.id} ${one.nodes[0].target} ${one.nodes[0].failureSummary}`), [], 'accessibility')
  const size = at.viewportSize()
  await at.setViewportSize({ width: 360, height: 740 })
  await at.waitForTimeout(100)
  await at.screenshot({ path: join(shots, `${name}-360.png`), fullPage: true })
  const wide = await at.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 360, `${name} scrolls sideways at 360 px (${wide} px wide)`)
  await at.setViewportSize(size)
}
