// What the walks of a company's applications share beside the rig: an entry by the API, staff who act through the API, the steps of the wizard.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { outbox, startWalk, until } from '../rig.mjs'

const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

/** A walk with one company in front of the browser; dev are flags of `signet dev`. */
export async function startCompany(name, dev = []) {
  const walk = await startWalk(name, undefined, dev)
  const { server, browser } = walk
  const page = await walk.tab()
  const id = (one) => page.getByTestId(one)
  const staff = new Map()

  /** One call of the API with the cookies of a page or context; what is refused fails the walk. */
  async function call(at, method, path, data) {
    const answer = await at.request.fetch(`/api/v1${path}`, { method, headers: { Origin: server.dev.url }, ...(data === undefined ? {} : { data }) })
    const text = await answer.text()
    assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${text}`)
    return text && JSON.parse(text)
  }

  const mine = (method, path, data) => call(page, method, path, data)

  async function session(at, login, password) {
    const { id: captchaId } = await call(at, 'POST', '/captchas', {})
    const captcha = await until(async () => (await outbox(server, `captcha:${captchaId}`))[0]?.text.match(/\d{4}/)?.[0], 'the captcha')
    await call(at, 'POST', '/session', { login, password, captchaId, captcha })
  }

  /** A legacy holder sets phone and password and is logged in, without the pages for it. */
  async function enter(holderName, phone, password, at = page) {
    const holder = server.dev.legacy.find((one) => one.name === holderName)
    await session(at, holder.login, holder.password)
    await call(at, 'POST', '/supplement/codes', { phone })
    await call(at, 'POST', '/supplement', { phone, code: await walk.code(phone), password, confirm: password })
    await session(at, phone, password)
  }

  /** One call by somebody of the office, who logs in at the first. */
  async function office(role, method, path, data) {
    if (!staff.has(role)) {
      const { login, password } = server.dev.accounts.find((one) => one.role === role)
      const context = await browser.newContext({ baseURL: server.dev.url })
      await session(context, login, password)
      staff.set(role, context)
    }
    return call(staff.get(role), method, path, data)
  }

  /** Reviewer and approver approve what waits for them. */
  async function approve(number) {
    for (const role of ['reviewer', 'approver']) {
      const { items } = await office(role, 'GET', `/admin/applications?search=${number}`)
      const one = items.find((item) => item.number === number)
      if (!one) break
      await office(role, 'POST', `/admin/applications/${one.id}/claim`)
      await office(role, 'POST', `/admin/applications/${one.id}/decisions`, { decision: 'approve' })
    }
  }

  /** Finance finds the transfer of an order on the account. */
  async function paid(orderId) {
    const { amountCents } = await mine('GET', `/orders/${orderId}`)
    await office('finance', 'POST', `/admin/orders/${orderId}/confirm`, { amountCents, reference: `流水 ${orderId}` })
  }

  /** The number and id of the application whose page is open. */
  const number = async () => (await id('wizard-number').innerText()).trim()
  const applicationId = () => new URL(page.url()).pathname.split('/').pop()

  const course = (step) => page.locator(`[data-testid=course][data-step=${step}]`).waitFor()
  const stage = (one) => page.locator(`[data-testid=application][data-stage=${one}]`).waitFor()
  const next = () => id('course-next').click()

  /** A scan is a picture of the page; no two are the same. */
  async function handIn(...types) {
    for (const type of types) {
      const file = join(server.home, `${type}.jpg`)
      writeFileSync(file, await page.screenshot({ type: 'jpeg', quality: 70 }))
      const input = page.locator(`input[data-testid=upload-${type}]`).first()
      await Promise.all([page.waitForResponse((answer) => answer.url().includes('/materials?') && answer.status() === 201), input.setInputFiles(file)])
      await id(`material-${type}`).getByText(`${type}.jpg`).waitFor()
    }
  }

  /** The agent is paired: by the code that the page shows, or by the API. */
  async function pair(agent) {
    await id('pairing-start').click()
    agent.start((await id('pairing-code').innerText()).trim())
  }
  async function pairQuietly(agent) {
    agent.start((await mine('POST', '/agent/pairings')).code)
    await until(async () => (await mine('GET', '/agents')).items.some((one) => one.online), 'the agent')
  }

  /** A key is chosen, and the new pair written to it. */
  async function write(serial) {
    await id(`key-card-${serial}`).getByRole('radio').check()
    await id('wizard-key-next').click()
    await id('wizard-write').click()
    await id('wizard-done').waitFor({ timeout: 120_000 })
  }

  /** The application once it is in one of these states. */
  const reached = (applicationId, ...states) =>
    until(async () => {
      const now = await mine('GET', `/applications/${applicationId}`)
      return states.includes(now.state) && now
    }, `an application to be ${states}`)

  /** 续期 and 延期 by the API on a key: the pages have walk.mjs. Answers the new certificate's serial. */
  async function renewed(agent, tokenSerial) {
    const { items: services } = await mine('GET', '/services')
    const order = await mine('POST', `/services/${services[0].id}/orders`, {})
    await paid(order.id)
    await pairQuietly(agent)
    const { items } = await mine('GET', '/certificates')
    const { id: application } = await mine('POST', `/certificates/${items[0].id}/renewals`)
    await mine('POST', `/applications/${application}/consent`, { tokenSerial })
    await reached(application, 'consented')
    await mine('POST', `/applications/${application}/enrolment`, { tokenSerial })
    return (await reached(application, 'completed')).enrolment.signSerialHex
  }

  /** A file of an application by the API: the smallest picture there is. */
  async function sendMaterial(application, type) {
    const answer = await page.request.post(`/api/v1/applications/${application}/materials?type=${type}&name=${type}.png`, { headers: { Origin: server.dev.url, 'Content-Type': 'application/octet-stream' }, data: pixel })
    assert.equal(answer.status(), 201, await answer.text())
  }

  /** The browser of a page asks nobody whether it may call ukeyd on this computer. */
  async function permit(at = page) {
    const { targetInfo } = await (await at.context().newCDPSession(at)).send('Target.getTargetInfo')
    const cdp = await browser.newBrowserCDPSession()
    await cdp.send('Browser.setPermission', { permission: { name: 'loopback-network' }, setting: 'granted', origin: server.dev.url, browserContextId: targetInfo.browserContextId })
  }

  /** Asks for a code by a button; the gateway's limit of one a minute to a number may still hold, and the page says so. */
  async function ask(button, path) {
    await until(async () => {
      const answered = page.waitForResponse((answer) => answer.url().endsWith(path))
      await page.locator(`[data-testid=${button}]:enabled`).click()
      if ((await answered).ok()) return true
      await page.locator('[data-code=sms_too_soon]').first().waitFor()
      return page.waitForTimeout(1_000)
    }, 'the next code')
  }

  const look = (what, at = page) => walk.look(what, at)

  /** The steps; at the end no secret stands in a log. agents: one, or all of them. */
  const run = (agents, secrets, body) =>
    walk.run(async () => {
      await body()
      for (const secret of secrets) {
        assert.ok(!server.log().includes(secret), 'a secret stands in the server log')
        for (const agent of [agents].flat()) assert.ok(!agent.log.includes(secret), 'a secret stands in the agent log')
      }
    }, [agents].flat())

  return { ...walk, page, id, session, call, mine, office, enter, approve, paid, number, applicationId, course, stage, next, handIn, pair, pairQuietly, write, reached, renewed, sendMaterial, permit, ask, look, run }
}
