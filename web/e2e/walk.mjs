// The renewal as a person does it, in a real browser: from the legacy login to a platform's verdict.
// Run by scripts/test after `npm run build` and the Go build. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { Agent, launch, outbox, root, startServer, until } from './rig.mjs'

const shots = process.env.SHOTS ?? join(root, 'web/screens')
mkdirSync(shots, { recursive: true })
const serial = '74C2008800000AE9'
const phone = '13858011084'
const password = 'Renew-2026'

let step = ''
const say = (text) => {
  step = text
  console.log(`- ${text}`)
}

const server = await startServer()
const holder = server.dev.legacy.find((one) => one.name === '擎洲测试投标人6')
const token = server.dev.tokens.find((one) => one.dir.endsWith('qingzhou'))
const finance = server.dev.accounts.find((one) => one.role === 'finance')
const agent = new Agent(server, token.pin)
const browser = await launch()
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'zh-CN', baseURL: server.dev.url, acceptDownloads: true })
const page = await context.newPage()
const troubles = []
watch(page)
const id = (name) => page.getByTestId(name)

try {
  say('the home page lists the project')
  await page.goto('/')
  await id('project-search-text').fill('金华市公共资源中心') // as the guide of 2017 has it, two characters short
  await page.keyboard.press('Enter')
  await id('project-jhggzy').waitFor()
  await look('home')
  await id('project-jhggzy').click()
  await page.waitForURL('**/p/jhggzy')

  say('a wrong captcha, then a wrong password, are refused in words')
  await login(page, holder.login, holder.password, '0000x')
  await id('login-problem').waitFor()
  await login(page, holder.login, 'not-the-password')
  await id('login-problem').getByText('密码', { exact: false }).waitFor()
  await look('project')

  say('the legacy login lands on the supplement page and nowhere else')
  await login(page, holder.login, holder.password)
  await page.waitForURL('**/account/supplement')
  await page.goto('/account/certificates')
  await page.waitForURL('**/account/supplement')
  await id('supplement-old').getByText('擎洲测试投标人6').waitFor()

  say('phone, SMS code, password: ticks, countdown, submit')
  await id('supplement-phone').fill(phone)
  await id('supplement-send').click()
  await page.getByText(/验证码短信已经发送.验证码将于10分钟后失效。/).waitFor()
  await id('supplement-sent-ok').click()
  await page.reload()
  await page.getByText(/重新发送.\d+秒/).first().waitFor()
  const code = (await outbox(server, phone))[0].text.match(/\d{6}/)[0]
  await id('supplement-phone').fill(phone)
  await id('supplement-code').fill(code === '000000' ? '111111' : '000000')
  await id('supplement-code-problem').waitFor()
  await id('supplement-code').fill(code)
  await id('supplement-phone-tick').getByRole('img').waitFor()
  await id('supplement-password').fill('12345678')
  assert.equal(await id('supplement-submit').isDisabled(), true, 'a weak password must not be submittable')
  await id('supplement-password').fill(password)
  await id('supplement-confirm').fill(password)
  await id('supplement-confirm-tick').getByRole('img').waitFor()
  await look('supplement')
  await id('supplement-submit').click()
  await id('supplement-done').waitFor()
  await look('supplement-done')

  say('the old login is dead, the phone opens the account')
  await page.goto('/p/jhggzy')
  await login(page, holder.login, holder.password)
  await id('login-problem').waitFor()
  await login(page, phone, password)
  await page.waitForURL('**/account/**')
  await id('greeting').first().waitFor()
  await page.goto('/account/profile')
  await id('profile-state').getByText('未核验').waitFor()
  await look('profile')

  say('the expired service is renewed by bank transfer')
  await page.goto('/account/services')
  await page.getByText('20353').first().waitFor()
  await page.getByText(/共\s*1\s*页/).first().waitFor()
  await look('services')
  await id(`service-renew-${serial}`).click()
  await id('service-renew-confirm').click()
  await page.waitForURL('**/account/orders/**')
  const remark = (await id('order-remark').first().innerText()).match(/[0-9A-Z]{8}/)[0]
  const amount = (await id('order-amount').innerText()).replace(/[^\d.]/g, '')
  const orderURL = page.url()
  await look('order')

  say('before payment the certificate cannot be extended')
  await page.goto('/account/certificates')
  await id(`certificate-extend-${serial}`).first().click()
  await id(`certificate-extend-${serial}-problem`).first().waitFor()

  say('finance confirms the transfer, and a wrong amount is refused')
  const office = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'zh-CN', baseURL: server.dev.url })
  const desk = await office.newPage()
  watch(desk)
  await desk.goto('/admin/orders')
  await login(desk, finance.login, finance.password)
  await desk.getByTestId('finance-list').waitFor()
  await desk.goto(`/admin/orders?find=${remark}`).catch(() => {})
  const confirm = desk.locator('[data-testid^=finance-confirm-]').first()
  await confirm.click()
  await desk.getByTestId('finance-amount').fill('1')
  await desk.getByTestId('finance-reference').fill('演示银行 20261121-0001')
  await desk.getByTestId('finance-confirm-submit').click()
  await desk.getByTestId('finance-problem').waitFor()
  await look('finance-wrong-amount', desk)
  await desk.getByTestId('finance-amount').fill(amount)
  await desk.getByTestId('finance-confirm-submit').click()
  await desk.getByTestId('finance-confirmed').waitFor()
  await look('finance', desk)
  await office.close()
  await page.goto(orderURL)
  await id('order-paid').waitFor()
  await look('order-paid')

  say('延期: the risk notice, then pairing with ukeyd')
  await page.goto('/account/certificates')
  await page.getByText(serial).first().waitFor()
  await look('certificates')
  await id(`certificate-extend-${serial}`).first().click()
  await page.waitForURL('**/account/applications/**')
  await id('wizard-risk-text').getByText('因证书的延期、变更会导致原加密的文件不可用').waitFor()
  await look('wizard-risk')
  await id('wizard-risk-accept').click()
  await id('pairing-start').click()
  const pairing = (await id('pairing-code').innerText()).trim()
  await look('wizard-pairing')
  agent.start(pairing)

  say('every key is shown; the right one is suggested')
  await id(`key-card-${token.serial}`).waitFor()
  await page.getByText('SIM-LOCK0A11').first().waitFor()
  await look('wizard-keys')
  await id('wizard-key-next').click()

  say('the notice is signed with the present key')
  await id('wizard-sign').click()
  await page.locator('[data-testid=wizard][data-place=write]').waitFor({ timeout: 60_000 })
  await look('wizard-write')

  say('the key is pulled out: the page says so, and goes on when it is back')
  const away = join(server.home, 'pulled')
  renameSync(token.dir, away)
  await id('wizard-write').click()
  await id('wizard-problem').waitFor({ timeout: 60_000 })
  await look('wizard-pulled')
  renameSync(away, token.dir)

  say('ukeyd is killed in the middle of writing: the wizard goes on where it was')
  const objects = () => readdirSync(token.dir).filter((name) => name.startsWith('key-')).length
  const before = objects()
  await id('wizard-write').click()
  await until(() => objects() > before, 'a new key in the token')
  await agent.kill()
  agent.start()
  await id('wizard-done').waitFor({ timeout: 200_000 })
  await look('wizard-done')
  await id('wizard-proof-signature').first().waitFor()
  await id('wizard-proof-old').first().getByText('1').first().waitFor()
  const fresh = (await id('wizard-new-serial').first().innerText()).trim()
  assert.match(fresh, /^[0-9A-F]{16,}$/)

  say('exactly one new pair exists; the account is verified')
  await page.goto('/account/certificates')
  await page.getByText(fresh).first().waitFor()
  const mine = await page.evaluate(() => fetch('/api/v1/certificates?size=100').then((answer) => answer.json()))
  assert.equal(mine.items.filter((one) => one.origin === 'signet').length, 1, 'one Signet certificate')
  assert.equal(mine.items.find((one) => one.serialHex === serial).state, 'superseded')
  await look('certificates-renewed')
  await page.goto('/account/profile')
  await id('profile-state').getByText('未核验').waitFor({ state: 'detached' })

  say('a bid is signed with the new key')
  const bid = join(server.home, '投标函.txt')
  writeFileSync(bid, '投标函:我方愿以人民币壹佰万元承包本工程。\n')
  await page.goto('/tools/sign')
  await pick('sign-file', bid)
  await card(token.serial)
  await id('sign-start').click()
  await id('sign-done').waitFor({ timeout: 60_000 })
  const [download] = await Promise.all([page.waitForEvent('download'), id('sign-download').click()])
  const signature = join(server.home, '投标函.txt.p7s')
  await download.saveAs(signature)
  await look('signed')

  say('the platform accepts it, and refuses a tampered bid')
  await page.goto('/tools/verify?as=platform')
  await pick('verify-signature', signature)
  await pick('verify-content', bid)
  await id('verify-submit').click()
  await page.locator('[data-testid=verify-verdict][data-verdict=valid]').or(id('verify-verdict').getByText('有效')).first().waitFor()
  await look('verify-valid')
  writeFileSync(bid, readFileSync(bid, 'utf8').replace('壹佰万', '玖拾万'))
  await page.goto('/tools/verify?as=platform')
  await pick('verify-signature', signature)
  await pick('verify-content', bid)
  await id('verify-submit').click()
  await id('verify-reason-digest_mismatch').first().waitFor()
  await look('verify-tampered')

  say('the old bid, sealed to the old certificate, still opens')
  await page.goto('/tools/sign')
  await id('open-tab').click()
  await pick('open-file', join(server.data, 'bid', '投标文件.txt.p7m'))
  await card(token.serial)
  agent.pin('wrong-pin')
  const asked = agent.questions()
  await id('open-start').click()
  await until(() => agent.questions() > asked, 'the PIN dialogue')
  agent.pin(token.pin)
  const opened = id('open-done').or(id('open-start-problem'))
  await opened.waitFor({ timeout: 60_000 })
  if (await id('open-start-problem').isVisible()) {
    await look('pin-wrong')
    await id('open-start').click()
    await id('open-done').waitFor({ timeout: 60_000 })
  }
  const [plain] = await Promise.all([page.waitForEvent('download'), id('open-download').click()])
  const opening = join(server.home, 'opened.txt')
  await plain.saveAs(opening)
  assert.equal(readFileSync(opening, 'utf8'), readFileSync(join(server.data, 'bid', '投标文件.txt'), 'utf8'), 'the old bid reads as it was written')
  await look('opened')

  say('the key comes into custody: its officer\'s PIN is taken over with the holder\'s consent, so that it can be unlocked online')
  await page.goto(`/account/tokens/${token.serial}`)
  await page.locator('[data-testid=takeover-start]:enabled').click()
  await id('takeover-changed').waitFor({ timeout: 60_000 })
  await look('taken-over')

  say('English beside Chinese; nothing secret in the logs')
  await page.goto('/account/certificates')
  await page.getByText('English').first().click()
  await page.getByText('My certificates').first().waitFor()
  await look('certificates-en')
  for (const secret of [password, holder.password, token.pin, code]) {
    assert.ok(!server.log().includes(secret), 'a secret stands in the server log')
    assert.ok(!agent.log.includes(secret), 'a secret stands in the agent log')
  }
  assert.deepEqual(troubles, [], 'errors in the browser console')
  console.log('1 passed, 0 failed')
} catch (error) {
  await page.screenshot({ path: join(shots, 'failed.png'), fullPage: true }).catch(() => {})
  console.error(`failed at: ${step}\n${error.stack}`)
  console.error(`page: ${page.url()}\nconsole: ${troubles.join('\n')}\nagent log:\n${agent.log.slice(-3000)}\nserver log:\n${server.log().slice(-3000)}`)
  console.log('0 passed, 1 failed')
  process.exitCode = 1
} finally {
  await agent.stop()
  await browser.close()
  await server.stop()
}

/** Console errors and failed scripts are failures of the page; refusals that the walk provokes are not. */
function watch(tab) {
  tab.on('pageerror', (error) => troubles.push(`${tab.url()}: ${error.message}`))
  tab.on('console', (message) => {
    if (message.type() === 'error' && !/the server responded with a status of [45]/.test(message.text())) troubles.push(`${tab.url()}: ${message.text()}`)
  })
}

/** Fills the login panel; the captcha's answer comes from the development outbox unless one is given. */
async function login(tab, name, secret, answer) {
  const image = tab.getByTestId('login-captcha-image')
  await image.waitFor()
  await tab.getByTestId('login-username').fill(name)
  await tab.getByTestId('login-password').fill(secret)
  const captcha = await image.getAttribute('data-captcha')
  await tab.getByTestId('login-captcha').fill(answer ?? (await outbox(server, `captcha:${captcha}`))[0].text.match(/\d{4}/)[0])
  const answered = tab.waitForResponse((response) => response.url().endsWith('/session') && response.request().method() === 'POST')
  await tab.getByTestId('login-submit').click()
  if ((await answered).status() >= 400) {
    await until(async () => (await image.getAttribute('data-captcha').catch(() => captcha)) !== captcha, 'a new captcha')
  }
}

async function pick(name, file) {
  const input = page.locator(`input[type=file][data-testid=${name}], [data-testid=${name}] input[type=file]`).first()
  await input.setInputFiles(file)
}

async function card(tokenSerial) {
  const radio = id(`key-card-${tokenSerial}`).getByRole('radio')
  await radio.waitFor()
  await radio.check()
}

/** Screenshots at both widths, no sideways scroll at 360 px, and an accessibility check. */
async function look(name, tab = page) {
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
