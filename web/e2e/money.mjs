// Money as holder and office see it, in a real browser: order, slip, bank statement, paid, invoice, refund.
// Run by scripts/test after `npm run build` and the Go build. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { launch, outbox, root, startServer, until } from './rig.mjs'

const shots = process.env.SHOTS ?? join(root, 'web/screens')
mkdirSync(shots, { recursive: true })
const phone = '13858011085'
const password = 'Money-2026'
const pdf = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n')
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

let step = ''
const say = (text) => {
  step = text
  console.log(`- ${text}`)
}

const server = await startServer()
const staff = (role) => server.dev.accounts.find((one) => one.role === role)
const browser = await launch()
const troubles = []

try {
  say('a holder sets phone and password and orders a renewal')
  const page = await person()
  const holder = server.dev.legacy.find((one) => one.name === '擎洲测试投标人6')
  await page.goto('/p/jhggzy')
  await login(page, holder.login, holder.password)
  await page.waitForURL('**/account/supplement')
  const id = (name) => page.getByTestId(name)
  await id('supplement-phone').fill(phone)
  await id('supplement-send').click()
  await id('supplement-sent-ok').click()
  await id('supplement-code').fill((await outbox(server, phone))[0].text.match(/\d{6}/)[0])
  await id('supplement-phone-tick').getByRole('img').waitFor()
  await id('supplement-password').fill(password)
  await id('supplement-confirm').fill(password)
  await id('supplement-submit').click()
  await id('supplement-done').waitFor()
  await page.goto('/p/jhggzy')
  await login(page, phone, password)
  await id('greeting').first().waitFor()
  await page.goto('/account/services')
  await page.locator('[data-testid^=service-renew-]').first().click()
  await id('service-renew-confirm').click()
  await page.waitForURL('**/account/orders/**')
  const orderURL = page.url()
  const number = await id('order-number').innerText()
  const remark = (await id('order-remark').first().innerText()).match(/[0-9A-Z]{8}/)[0]
  const amount = (await id('order-amount').innerText()).replace(/[^\d.]/g, '')
  await id('order-due').getByText('还剩', { exact: false }).waitFor()

  say('the slip of the transfer is uploaded')
  await page.locator('input[type=file]').first().setInputFiles({ name: '转账凭证.png', mimeType: 'image/png', buffer: png })
  await id('order-slip-have').waitFor()
  await look('money-order', page)

  say('finance uploads the bank statement: what matches, what does not')
  const desk = await person()
  await desk.goto('/admin/orders')
  await login(desk, staff('finance').login, staff('finance').password)
  await desk.getByTestId('finance-list').waitFor()
  await desk.getByTestId(`finance-slip-${number}`).waitFor()
  await look('money-orders', desk)
  await desk.getByTestId('finance-tab-statements').click()
  const statement = `交易日期,贷方金额,附言,流水号,对方户名\n2026-11-21,${amount},服务费 ${remark.toLowerCase()},R1,擎洲\n2026-11-21,88.00,没有附言,R2,某某公司\n2026-11-21,${amount},${remark},R3,擎洲\n`
  await desk.getByTestId('statement-file').setInputFiles({ name: '流水.csv', mimeType: 'text/csv', buffer: Buffer.from(statement) })
  await desk.getByTestId('statement-upload').click()
  await desk.locator('[data-testid=line-2][data-state=matched]').waitFor()
  await desk.locator('[data-testid=line-3][data-state=unknown]').waitFor()
  await desk.locator('[data-testid=line-4][data-state=paid]').waitFor()
  await look('money-statement', desk)
  await desk.getByTestId('statement-commit').click()
  await desk.locator('[data-testid=line-2][data-state=booked]').waitFor()
  await page.goto(orderURL)
  await id('order-paid').waitFor()

  say('the holder asks for the invoice, finance uploads it')
  await id('invoice-ask').click()
  await id('invoice-tax').fill('91330100MA00000000')
  await id('invoice-email').fill('caiwu@example.com')
  await id('invoice-submit').click()
  await id('invoice-ask-problem').waitFor()
  await page.getByRole('radio', { name: '个人' }).check()
  await id('invoice-title').fill('张三')
  await id('invoice-submit').click()
  await page.locator('[data-testid=invoice-state][data-state=requested]').waitFor()
  await desk.goto('/admin/orders?tab=invoices')
  await desk.getByTestId(`invoice-upload-${number}`).click()
  await desk.getByTestId('invoice-number').fill('24332000000012345678')
  await desk.getByTestId('invoice-file').setInputFiles({ name: '发票.pdf', mimeType: 'application/pdf', buffer: pdf })
  await desk.getByTestId('invoice-upload-submit').click()
  await desk.locator(`[data-testid=invoice-state-${number}][data-state=issued]`).waitFor()
  await look('money-invoices', desk)
  await page.goto(orderURL)
  const download = page.waitForEvent('download')
  await id('invoice-download').click()
  assert.equal((await download).suggestedFilename(), '发票.pdf')
  await look('money-paid', page)

  say('a refund: asked by the holder, approved by the manager, paid out by finance')
  await id('refund-ask').click()
  await id('refund-reason').fill('不再参加投标')
  await id('refund-submit').click()
  await page.locator('[data-testid=refund-state][data-state=requested]').waitFor()
  const office = await person()
  await office.goto('/admin/orders')
  await login(office, staff('manager').login, staff('manager').password)
  await office.getByTestId('finance-tab-refunds').click()
  await office.getByTestId(`refund-open-${number}`).click()
  await office.getByTestId('refund-reject').click() // not without a note
  await office.getByTestId('refund-note').fill('同意')
  await look('money-refund', office)
  await office.getByTestId('refund-approve').click()
  await office.locator(`[data-testid=refund-state-${number}][data-state=approved]`).waitFor()
  await desk.goto('/admin/orders?tab=refunds')
  await desk.getByTestId(`refund-open-${number}`).click()
  await desk.getByTestId('refund-reference').fill('TK-20261121-1')
  await desk.getByTestId('refund-finish').click()
  await desk.locator(`[data-testid=refund-state-${number}][data-state=done]`).waitFor()
  await page.goto(orderURL)
  await page.locator('[data-testid=order][data-state=refunded]').waitFor()
  await page.locator('[data-testid=invoice-state][data-state=red_due]').waitFor()
  await look('money-refunded', page)
  assert.deepEqual(troubles, [])
  console.log('money walk done')
} catch (error) {
  console.error(`failed at: ${step}\n${server.log().slice(-2000)}`)
  throw error
} finally {
  await browser.close()
  await server.stop()
}

/** A browser of its own for one person. */
async function person() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'zh-CN', baseURL: server.dev.url, acceptDownloads: true })
  const tab = await context.newPage()
  tab.on('pageerror', (error) => troubles.push(`${tab.url()}: ${error.message}`))
  return tab
}

async function login(tab, name, secret) {
  const image = tab.getByTestId('login-captcha-image')
  await image.waitFor()
  await tab.getByTestId('login-username').fill(name)
  await tab.getByTestId('login-password').fill(secret)
  const captcha = await image.getAttribute('data-captcha')
  const answer = await until(async () => (await outbox(server, `captcha:${captcha}`))[0]?.text.match(/\d{4}/)?.[0], 'the captcha')
  await tab.getByTestId('login-captcha').fill(answer)
  const answered = tab.waitForResponse((response) => response.url().endsWith('/api/v1/session') && response.request().method() === 'POST')
  await tab.getByTestId('login-submit').click()
  if ((await answered).status() === 202) await secondFactor(tab)
}

/** A first login of staff sets a second factor: the same calls as its page makes, with an authenticator made here. */
async function secondFactor(tab) {
  const call = async (path, data) => {
    const answer = await tab.request.post(`/api/v1/session/pending/${path}`, { headers: { Origin: server.dev.url }, ...(data ? { data } : {}) })
    assert.ok(answer.ok(), `${path}: ${answer.status()} ${await answer.text()}`)
    return answer.json()
  }
  const { factorId, secret } = await call('totp')
  await call('totp/confirm', { factorId, code: totp(secret) })
  await tab.reload()
}

/** RFC 6238: 6 digits, 30 s, SHA-1. */
function totp(secret) {
  const bits = [...secret.replace(/=+$/, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const mac = createHmac('sha1', key).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

async function look(name, tab) {
  await tab.waitForTimeout(350) // let the design's own transitions end
  await tab.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
  const found = await new AxeBuilder({ page: tab }).withTags(['wcag2a', 'wcag2aa']).analyze()
  const grave = found.violations.filter((one) => one.impact === 'critical' || one.impact === 'serious')
  assert.deepEqual(grave.map((one) => `${name}: ${one.id} ${one.nodes[0].target} ${one.nodes[0].failureSummary}`), [], 'accessibility')
  const size = tab.viewportSize()
  await tab.setViewportSize({ width: 360, height: 740 })
  await tab.waitForTimeout(350)
  await tab.screenshot({ path: join(shots, `${name}-360.png`), fullPage: true })
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 360, `${name} scrolls sideways at 360 px (${wide} px wide)`)
  await tab.setViewportSize(size)
}
