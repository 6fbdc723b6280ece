// A filed application's page uses a USB key through ukeyd.js and 127.0.0.1, and so does the portal; denied, the portal goes by the relay.
// Both pages are declared public to Chromium, as they are in life, so that its permission for this computer is what decides.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Agent, outbox, root, startWalk, until } from './rig.mjs'

const platform = await startPlatform()
const { server, browser, say, tab, look, run } = await startWalk('loopback', (portal) => [
  `--ip-address-space-overrides=${new URL(portal).host}=public,${new URL(platform.url).host}=public`,
])
const token = server.dev.tokens.find((one) => one.dir.endsWith('qingzhou'))
const agent = new Agent(server, token.pin)

await run(async () => {
  say('an application is filed with its origin')
  const filed = execFileSync(join(root, 'bin/signetctl'), ['app', 'add', '-data', server.data, '-name', '某招投标平台', '-origin', platform.url], { encoding: 'utf8' })
  platform.key = filed.match(/signet_app_\S+/)[0]

  say('a holder pairs ukeyd')
  const page = await tab()
  const context = page.context()
  await page.goto('/environment')
  await finding(page, 'agent', 'signIn')
  await login(page)
  agent.start((await call(page, '/agent/pairings', {})).code)
  await until(async () => (await call(page, '/agents')).items.some((one) => one.online), 'the agent to be online')
  await until(() => agent.log.includes('pages on this computer are answered'), 'the loopback port')

  say('denied: 环境检测 says so, and jobs go by the relay')
  await page.goto('/environment')
  await finding(page, 'permission', 'ask')
  await page.getByTestId('environment-connect').waitFor() // explained before the browser asks
  await look('environment-ask', page)
  for (const origin of [server.dev.url, platform.url]) await permit(origin, 'denied')
  await page.reload()
  await finding(page, 'permission', 'denied')
  for (const name of ['network', 'clock', 'agent', 'driver', 'key']) await finding(page, name, 'fine')
  assert.equal(await page.getByTestId('environment').getAttribute('data-way'), 'relay')
  await look('environment-denied', page)
  const denied = await (await context.newPage()).goto(platform.url).then((answer) => answer.frame().page())
  assert.equal(await denied.evaluate(() => window.ukeyd.connect(window.backend).then(() => 'connected', (error) => error.code)), 'denied')
  await denied.close()

  say('granted: the portal’s own jobs go straight to ukeyd')
  for (const origin of [server.dev.url, platform.url]) await permit(origin, 'granted')
  const handed = page.waitForResponse((answer) => answer.url().endsWith('/take') && answer.status() === 200, { timeout: 30_000 })
  const answered = page.waitForResponse((answer) => answer.url().endsWith('/v1/rpc') && answer.status() === 200, { timeout: 30_000 })
  await page.goto('/environment')
  await finding(page, 'permission', 'fine')
  await page.getByTestId('environment-again').click()
  await Promise.all([handed, answered])
  await finding(page, 'key', 'fine')
  assert.equal(await page.getByTestId('environment').getAttribute('data-way'), 'loopback')
  assert.match(await page.getByTestId('environment-report').innerText(), /way=loopback/)
  await look('environment', page)

  say('the application lists keys, proves a login, signs two files under one PIN and opens an envelope')
  const bids = await context.newPage()
  await bids.goto(platform.url)
  const keys = await bids.evaluate(async () => {
    window.ukey = await window.ukeyd.connect(window.backend)
    return window.ukey.listKeys()
  })
  const key = keys.find((one) => one.serial === token.serial)
  const spki = key.objects.find((one) => one.usage === 'sign').spki
  const asked = agent.questions()
  const nonce = randomBytes(32).toString('base64')
  const proof = await bids.evaluate(([nonce, spki]) => window.ukey.login(nonce, { spki }), [nonce, spki])
  assert.ok(proof.signature && proof.serial === token.serial)
  const signed = await bids.evaluate((spki) => window.ukey.signFiles([new File(['投标文件 <一>'], '投标函.txt'), new File(['two & more'], 'b.txt')], { spki, detached: true }), spki)
  assert.deepEqual(signed.map((one) => one.name), ['投标函.txt', 'b.txt'])
  assert.equal(agent.questions() - asked, 2, 'the login asks for the PIN in the agent’s own window, and the list once')
  const judged = async (text) => (await verify(signed[0].signature, text)).reasons.some((one) => one.code === 'signature_ok')
  assert.equal(await judged('投标文件 <一>'), true, 'the portal finds the signature good')
  assert.equal(await judged('投标文件 <二>'), false, 'and not over another document')

  const sealed = readFileSync(join(server.data, 'bid', '投标文件.txt.p7m')).toString('base64')
  const opened = await bids.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))
    return new TextDecoder().decode(await window.ukey.decrypt(new File([bytes], '投标文件.txt.p7m')))
  }, sealed)
  assert.equal(opened, readFileSync(join(server.data, 'bid', '投标文件.txt'), 'utf8'), 'the envelope opens in the page')
  assert.equal(agent.questions() - asked, 3)

  say('what is no application’s business is refused, and so is a page that is not filed')
  assert.equal((await portal('/platform/tickets', { ...platform.last, op: 'unlock' })).status, 400)
  assert.equal((await portal('/platform/tickets', { ...platform.last, session: 'app_stolen' })).status, 403)
  const stranger = await fetch('http://127.0.0.1:28961/v1/hello', { method: 'POST', headers: { Origin: 'http://127.0.0.1:1', 'Content-Type': 'application/json' }, body: '{}' })
  assert.equal(stranger.status, 403)
  assert.equal(await stranger.text(), '')
}, [agent])
platform.close()

/** A bidding platform of one page: its server has the API key, its page has ukeyd.js. */
async function startPlatform() {
  const site = { key: '', last: null }
  const nonce = randomBytes(32).toString('base64')
  const answers = {
    '/nonce': async () => ({ nonce }),
    '/grant': async (hello) => ok(await portal('/platform/loopback', { origin: site.url, nonce, hello })),
    '/ticket': async (request) => ok(await portal('/platform/tickets', (site.last = request))),
  }
  const http = createServer((request, response) => {
    let text = ''
    request.on('data', (part) => (text += part)).on('end', async () => {
      const answer = answers[request.url]
      if (!answer) return response.setHeader('Content-Type', 'text/html').end(html(server.dev.url))
      try {
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify(await answer(text && JSON.parse(text))))
      } catch (error) {
        response.writeHead(502).end(JSON.stringify({ error: String(error) }))
      }
    })
  })
  await new Promise((done) => http.listen(0, '127.0.0.1', done))
  return Object.assign(site, { url: `http://127.0.0.1:${http.address().port}`, close: () => http.close() })
}

async function portal(path, body) {
  return fetch(`${server.dev.url}/api/v1${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${platform.key}` }, body: JSON.stringify(body) })
}

async function ok(answer) {
  const body = await answer.json()
  if (!answer.ok) throw new Error(JSON.stringify(body))
  return body
}

function html(portal) {
  return `<!doctype html><meta charset="utf-8"><title>platform</title><script type="module">
import * as ukeyd from '${portal}/ukeyd.js'
const post = (path, body) => fetch(path, { method: 'POST', body: JSON.stringify(body ?? null) }).then(async (answer) => { if (!answer.ok) throw new Error(await answer.text()); return answer.json() })
window.backend = { nonce: async () => (await post('/nonce')).nonce, grant: (hello) => post('/grant', hello), ticket: (request) => post('/ticket', request) }
window.ukeyd = ukeyd
</script>`
}

async function permit(origin, setting) {
  const cdp = await browser.newBrowserCDPSession()
  const { browserContextIds } = await cdp.send('Target.getBrowserContexts')
  for (const browserContextId of browserContextIds) {
    await cdp.send('Browser.setPermission', { permission: { name: 'loopback-network' }, setting, origin, browserContextId })
  }
}

async function finding(page, name, verdict) {
  await page.locator(`[data-testid=environment-${name}][data-verdict=${verdict}]`).waitFor({ timeout: 30_000 })
}

/** An API call from the page itself, with its cookie. */
function call(page, path, body) {
  return page.evaluate(async ([path, body]) => {
    const answer = await fetch(`/api/v1${path}`, body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
    return text && JSON.parse(text)
  }, [path, body])
}

/** From the legacy login over the supplement to the holder's own; the walk does it by hand. */
async function login(page) {
  const legacy = server.dev.legacy.find((one) => one.name === '擎洲测试投标人6')
  const [phone, password] = ['13858011084', 'Renew-2026']
  const enter = async (login, secret) => {
    const { id } = await call(page, '/captchas', {})
    const captcha = (await outbox(server, `captcha:${id}`))[0].text.match(/\d{4}/)[0]
    await call(page, '/session', { login, password: secret, captchaId: id, captcha, project: 'jhggzy' })
  }
  await enter(legacy.login, legacy.password)
  await call(page, '/supplement/codes', { phone })
  const code = (await outbox(server, phone))[0].text.match(/\d{6}/)[0]
  await call(page, '/supplement', { phone, code, password, confirm: password })
  await enter(phone, password)
}

async function verify(signature, text) {
  const body = { type: 'cms', signature, content: Buffer.from(text).toString('base64') }
  const answer = await fetch(`${server.dev.url}/api/v1/verify`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  return answer.json()
}
