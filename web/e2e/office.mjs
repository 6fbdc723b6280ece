// The back office, seen by every role in a real browser: each section opens at both widths without an error; a certificate is found and
// suspended, two people stop and resume issuing, the audit record is verified. SHOTS=folder keeps the screenshots.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { launch, outbox, root, startServer, until } from './rig.mjs'

const shots = process.env.SHOTS ?? join(root, 'web/screens')
mkdirSync(shots, { recursive: true })

let step = ''
const say = (text) => {
  step = text
  console.log(`- ${text}`)
}

const server = await startServer()
const browser = await launch()
const troubles = []
let page

try {
  const seen = new Set()
  for (const { role } of server.dev.accounts.filter((one) => one.role !== 'holder')) {
    say(`${role}: every section that the menu shows`)
    page = await desk(role)
    const links = await page.locator('nav a').evaluateAll((all) => all.map((a) => a.getAttribute('href')))
    assert.ok(links.length > 0, `${role} has sections`)
    for (const link of links.filter((one) => !seen.has(one))) {
      seen.add(link)
      await page.locator(`nav a[href="${link}"]`).click()
      await page.locator('main h1').first().waitFor()
      await settled()
      await look(`office-${link.split('/').pop()}`)
    }
    if (role === 'admin') await ask('演练:怀疑签发密钥异常')
    if (role === 'security') await agree('stop')
    if (role === 'auditor') await audit()
    if (role !== 'security') await page.context().close()
  }

  say('another person asks to resume, and two have agreed again')
  page = await desk('admin')
  await page.goto('/admin/operations')
  await page.getByTestId('stop-banner').waitFor()
  await look('office-stopped')
  await ask('演练结束')
  page = await desk('security')
  await agree('resume')

  say('a certificate is found by the name of its holder, and its page tells all of it')
  page = await desk('operator')
  await page.goto('/admin/certificates')
  const serial = '74C2008800000AE9'
  await page.getByTestId('inventory-value').fill('擎洲')
  await page.getByTestId('inventory-search').click()
  await page.getByTestId(`inventory-${serial}`).click()
  await page.getByTestId('certificate').waitFor()
  await settled()
  await look('office-certificate')

  assert.deepEqual(troubles, [], 'errors in the pages')
  console.log('the walk through the back office passed')
} catch (error) {
  console.error(`failed at: ${step}`)
  await page?.screenshot({ path: join(shots, 'office-failed.png'), fullPage: true }).catch(() => undefined)
  console.error(server.log().slice(-3000))
  throw error
} finally {
  await browser.close()
  await server.stop()
}

async function desk(role) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'zh-CN', baseURL: server.dev.url, reducedMotion: 'reduce' })
  const fresh = await context.newPage()
  fresh.on('pageerror', (error) => troubles.push(`${fresh.url()}: ${error.message}`))
  fresh.on('console', (message) => {
    if (message.type() === 'error' && !/the server responded with a status of [45]/.test(message.text())) troubles.push(`${fresh.url()}: ${message.text()}`)
  })
  fresh.on('response', (answer) => {
    if (answer.status() >= 500) troubles.push(`${answer.url()}: ${answer.status()}`)
  })
  const { login, password } = server.dev.accounts.find((one) => one.role === role)
  await fresh.goto('/admin')
  const image = fresh.getByTestId('login-captcha-image')
  await image.waitFor()
  await fresh.getByTestId('login-username').fill(login)
  await fresh.getByTestId('login-password').fill(password)
  const captcha = await image.getAttribute('data-captcha')
  await fresh.getByTestId('login-captcha').fill((await outbox(server, `captcha:${captcha}`))[0].text.match(/\d{4}/)[0])
  await fresh.getByTestId('login-submit').click()
  await fresh.getByTestId('greeting').waitFor()
  return fresh
}

/** Nothing is loading any more. */
async function settled() {
  await page.waitForLoadState('networkidle')
  await until(async () => (await page.locator('.ant-spin-spinning').count()) === 0, 'the page to be loaded')
}

async function ask(reason) {
  say('a system administrator asks to change whether certificates are issued; nothing changes yet')
  await page.goto('/admin/operations')
  const before = await page.getByTestId('issuance-state').textContent()
  await page.getByTestId('issuance-reason').fill(reason)
  await page.getByTestId('issuance-ask').click()
  await page.getByTestId('issuance-open').waitFor()
  assert.equal(await page.getByTestId('issuance-state').textContent(), before)
  await page.getByTestId('issuance-confirm').click() // the same person may not agree
  await page.locator('[data-testid=problem], .ant-alert-error').first().waitFor()
  await look('office-stop-asked')
}

async function agree(what) {
  say(`a security administrator agrees: ${what}`)
  await page.goto('/admin/operations')
  await page.getByTestId('issuance-confirm').click()
  await page.getByTestId('issuance-open').waitFor({ state: 'detached' })
  await page.getByTestId('stop-banner').waitFor({ state: what === 'stop' ? 'visible' : 'detached' })
}

async function audit() {
  say('the auditor verifies the whole record, and finds who asked')
  await page.goto('/admin/audit')
  await page.getByTestId('audit-verify').click()
  await page.getByTestId('audit-holds').waitFor()
  await look('office-audit-verified')
}

async function look(name) {
  await page.waitForTimeout(100)
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
  const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa']).analyze()
  const grave = found.violations.filter((one) => one.impact === 'critical' || one.impact === 'serious')
  for (const one of grave) troubles.push(`${name}: ${one.id} ${one.nodes[0].target} ${one.nodes[0].failureSummary}`)
  const size = page.viewportSize()
  await page.setViewportSize({ width: 360, height: 740 })
  await page.waitForTimeout(100)
  await page.screenshot({ path: join(shots, `${name}-360.png`), fullPage: true })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  if (wide > 360) troubles.push(`${name} scrolls sideways at 360 px (${wide} px wide)`)
  await page.setViewportSize(size)
}
