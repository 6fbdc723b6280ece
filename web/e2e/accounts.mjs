// Accounts as people have them, in a real browser: register, verified at the window, a member invited, an API key used by a program, mail
// and phone changed, closing asked for and taken back, the registered number asked for. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { outbox, startWalk, totp, until } from './rig.mjs'

const [phone, second, next] = ['13712340001', '13712340002', '13712340003']
const [password, other] = ['Accounts-2026', 'Member-2026x']
const company = '杭州示例建设有限公司'

const { server, browser, say, tab, captcha, code, login: fill, look, run } = await startWalk('accounts')
const page = await tab()
const id = (name) => page.getByTestId(name)

await run(async () => {
  say('the login page loads at once: less than 300 KB, compressed')
  const loaded = []
  const note = (answer) => loaded.push(answer)
  page.on('response', note)
  await page.goto('/login')
  await id('login-captcha-image').waitFor()
  page.off('response', note)
  const sizes = await Promise.all(loaded.filter((one) => one.status() === 200).map(async (one) => gzipSync(await one.body()).length))
  const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / 1024
  assert.ok(kilobytes > 50 && kilobytes < 300, `${kilobytes.toFixed()} KB`) // far less means that nothing was measured
  console.log(`  ${kilobytes.toFixed()} KB in ${sizes.length} files`)

  say('用户注册: the phone first, by captcha and code')
  await look('login-ways', page)
  await id('login-register').click()
  await askCode('register', phone)
  await id('register-code').fill(await code(phone))
  await id('register-name').fill(company)
  await id('register-number').fill('91990000MA0000023L') // a wrong check digit first
  await id('register-legal-name').fill('王五')
  await id('register-legal-number').fill('11010519491231002X')
  await id('register-handler').fill('李四')
  await id('register-password').fill(password)
  await id('register-confirm').fill(password)
  await id('register-agree').check()
  await look('register', page)
  await id('register-submit').click()
  await id('register-problem').waitFor()
  assert.equal(await id('register-problem').getAttribute('data-code'), 'number_invalid')
  await id('register-number').fill('91990000MA0000023K')
  await id('register-submit').click()
  await id('register-done').waitFor()

  say('login by the social credit code and the password; 未核验')
  await login(page, '91990000MA0000023K', password)
  await page.goto('/account/profile')
  assert.equal(await id('profile-state').getAttribute('data-state'), 'unverified')

  say('the window verifies the organisation, by the API')
  const window = await staff('window')
  const list = await window.get('/admin/organisations?status=unverified&search=' + encodeURIComponent(company))
  assert.equal(list.items.length, 1)
  const file = await window.get(`/admin/organisations/${list.items[0].id}`)
  assert.equal(file.registerMatch, 'match')
  assert.equal(file.legalNumberMasked, '1101**********002X')
  await window.post(`/admin/organisations/${file.id}/verification`, { accept: true, how: 'window', note: '出示营业执照原件及身份证' })
  await page.reload()
  await until(async () => (await id('profile-state').getAttribute('data-state')) === 'verified', 'the account to be verified')
  assert.equal(await id('credit-item-identity').getAttribute('data-done'), 'true')
  await look('profile', page)

  say('a mail address is confirmed by its link')
  await id('credit-email').click()
  await id('email-address').fill('li.si@example.com')
  await id('email-send').click()
  await id('email-sent').waitFor()
  const mail = (await outbox(server, 'li.si@example.com'))[0].text
  const link = /https?:\/\/\S+(\/email#\S+)/.exec(mail)?.[1]
  assert.ok(link, mail)
  await page.goto(link)
  await id('email-confirm').click()
  await id('email-done').waitFor()

  say('a member is invited by SMS and joins')
  await page.goto('/account/members')
  await id('invite-name').fill('赵六')
  await id('invite-phone').fill(second)
  await id('invite-submit').click()
  await id('invite-done').waitFor()
  const sms = (await outbox(server, second))[0].text
  const guest = await tab()
  await guest.goto(/https?:\/\/\S+(\/join#\S+)/.exec(sms)[1])
  await guest.getByTestId('join-password').fill(other)
  await guest.getByTestId('join-confirm').fill(other)
  await guest.getByTestId('join-agree').check()
  await look('join', guest)
  await guest.getByTestId('join-submit').click()
  await guest.getByTestId('join-done').waitFor()
  await login(guest, second, other)
  await guest.goto('/account/members')
  await guest.getByTestId('member-list').waitFor()
  assert.equal(await guest.getByTestId('company-keys').count(), 0, 'a handler sees no keys')

  say('an API key is shown once and used by a program')
  await page.reload()
  await id('key-name').fill('ERP')
  await id('key-create').click()
  await id('key-secret').waitFor()
  const secret = await id('key-secret').getAttribute('data-secret')
  await look('members', page)
  const call = (path, init = {}) => fetch(`${server.dev.api}${path}`, { ...init, headers: { Authorization: `Bearer ${secret}` } })
  assert.equal((await (await call('/profile')).json()).organisation.name, company)
  assert.equal((await call('/profile/sessions')).status, 401, 'sessions are for people')
  assert.equal((await call('/members/joins')).status, 403, 'nor does it see the members')
  assert.equal((await call('/orders/x/close', { method: 'POST' })).status, 403, 'a key that may read closes nothing')

  say('the phone is changed by both codes, the old one is told')
  await page.goto('/account/profile')
  await id('credit-phone').click()
  await id('phone-new').fill(next)
  await until(async () => { // registering sent a code to this phone: one a minute
    await id('phone-send').click()
    await id('phone-old-code').or(id('phone-send-problem')).first().waitFor()
    if (await id('phone-old-code').isVisible()) return true
    await page.waitForTimeout(2_000)
    return false
  }, 'the codes')
  await id('phone-old-code').fill(await code(phone))
  await id('phone-code').fill(await code(next))
  await look('phone', page)
  await id('phone-submit').click()
  await until(async () => (await id('credit-item-phone').innerText()).includes('137****0003'), 'the new phone')
  assert.match((await outbox(server, phone))[0].text, /已改用手机号 137\*\*\*\*0003/)

  say('closing is asked for with the password and taken back')
  await id('closure-open').click()
  await id('closure-password').fill('wrong-password')
  await id('closure-submit').click()
  await id('closure-problem').waitFor()
  await id('closure-password').fill(password)
  await id('closure-submit').click()
  await id('closure-waiting').waitFor()
  await id('closure-withdraw').click()
  await id('closure-open').waitFor()

  say('login by SMS; 找回登记证件号 is answered by SMS')
  await page.context().clearCookies()
  await page.goto('/login')
  await page.getByRole('tab', { name: '短信登录' }).click()
  await guest.goto('/number')
  await askCode('number', second, guest)
  await guest.getByTestId('number-code').fill(await code(second))
  await guest.getByTestId('number-name').fill('擎洲测试投标人6')
  await guest.getByTestId('number-submit').click()
  await guest.getByTestId('number-done').waitFor()
  const tickets = await window.get('/admin/tickets?state=open')
  assert.equal(tickets.items[0].candidates.length, 1)
  await window.post(`/admin/tickets/${tickets.items[0].id}/answer`, { answer: '请用原登记的统一社会信用代码登录' })
  assert.match((await outbox(server, second))[0].text, /已答复/)

})

async function askCode(form, to, at = page) {
  await at.getByTestId(`${form}-phone`).fill(to)
  await captcha(at)
  await at.getByTestId(`${form}-send`).click()
  await at.getByTestId(`${form}-sent`).waitFor()
}

async function login(at, name, secret) {
  await at.goto('/login')
  await fill(at, name, secret)
  await at.getByTestId('menu-profile').waitFor()
}

/** A member of staff who works by the API, with a browser's cookies. */
async function staff(role) {
  const account = server.dev.accounts.find((one) => one.role === role)
  const context = await browser.newContext({ baseURL: server.dev.url })
  const headers = { Origin: server.dev.url }
  const api = context.request
  const made = await (await api.post('/api/v1/captchas', { headers })).json()
  const answer = /图形验证码 (\d{4})/.exec((await outbox(server, `captcha:${made.id}`))[0].text)[1]
  const entered = await api.post('/api/v1/session', { headers, data: { login: account.login, password: account.password, captchaId: made.id, captcha: answer } })
  if (entered.status() === 202) { // the first login of staff sets a second factor
    const { factorId, secret } = await (await api.post('/api/v1/session/pending/totp', { headers })).json()
    const confirmed = await api.post('/api/v1/session/pending/totp/confirm', { headers, data: { factorId, code: totp(secret) } })
    assert.ok(confirmed.ok(), await confirmed.text())
  } else assert.equal(entered.status(), 200, await entered.text())
  const checked = async (reply) => {
    assert.ok(reply.ok(), await reply.text())
    return reply.status() === 204 ? null : reply.json()
  }
  return {
    get: async (path) => checked(await api.get(`/api/v1${path}`)),
    post: async (path, data) => checked(await api.post(`/api/v1${path}`, { headers, data })),
  }
}

