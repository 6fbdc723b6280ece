// What the browser walk stands on: a fresh `signet dev`, a real ukeyd, a headless Chromium.
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import AxeBuilder from '@axe-core/playwright'
import { chromium } from 'playwright-core'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
/** Where screenshots go: SHOTS=folder. */
export const shots = process.env.SHOTS ?? join(root, 'web/screens')
mkdirSync(shots, { recursive: true })

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

/** until(look, what): the first truthy answer of look, asked again and again; fails after 60 s. */
export async function until(look, what) {
  for (let turn = 0; turn < 300; turn++) {
    const found = await look()
    if (found) return found
    await sleep(200)
  }
  throw new Error(`waited in vain for ${what}`)
}

/** A server with the demo data in a folder of its own; more are flags of `signet dev`. */
export async function startServer(more = []) {
  const home = mkdtempSync(join(tmpdir(), 'signet-walk-'))
  const data = join(home, 'data')
  const child = spawn(join(root, 'bin/signet'), ['dev', '-listen', '127.0.0.1:0', '-data', data, ...more], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stdout.resume() // the friendly table, which shows the demo's made-up logins on purpose
  child.stderr.on('data', (text) => (log += text))
  const ready = join(data, 'dev.json')
  await until(() => {
    if (child.exitCode !== null) throw new Error(`signet dev ended:\n${log}`)
    return existsSync(ready)
  }, 'signet dev')
  const dev = JSON.parse(readFileSync(ready, 'utf8'))
  return { home, data, dev, log: () => log, stop: () => stop(child).then(() => rmSync(home, { recursive: true, force: true })) }
}

/** ukeyd with a pinentry that answers from a file: the pairing code once, then the PIN. */
export class Agent {
  /** options: the folder with the keys that are plugged in, and a name where one walk has several computers. */
  constructor(server, pin, { keys = join(server.data, 'keys'), name = 'agent' } = {}) {
    this.server = server
    this.keys = keys
    this.folder = join(server.home, name)
    mkdirSync(this.folder, { recursive: true })
    this.pinFile = join(this.folder, 'pin')
    this.codeFile = join(this.folder, 'code')
    this.asked = join(this.folder, 'asked')
    writeFileSync(this.pinFile, pin)
    writeFileSync(this.asked, '')
    this.pinentry = join(this.folder, 'pinentry')
    writeFileSync(this.pinentry, pinentryScript(this))
    chmodSync(this.pinentry, 0o700)
    this.log = ''
  }

  /** What is typed from now on; of several, one after the other, and the last for ever. None: the dialogue waits. CANCEL closes it. */
  pin(...values) {
    writeFileSync(this.pinFile, values.join('\n'))
  }

  start(code = '') {
    const args = ['-portal', this.server.dev.url, '-softkey', this.keys, '-state', join(this.folder, 'state'), '-pinentry', this.pinentry]
    if (code) args.push('-pair', code)
    this.child = spawn(join(root, 'bin/ukeyd'), args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => (this.log += text))
  }

  /** Pulls the plug: no chance to tidy up. */
  async kill() {
    this.child.kill('SIGKILL')
    await until(() => this.child.exitCode !== null || this.child.signalCode !== null, 'ukeyd to be gone')
  }

  stop() {
    return this.child ? stop(this.child) : Promise.resolve()
  }

  /** How often the dialogue asked for a PIN. */
  questions() {
    return readFileSync(this.asked, 'utf8').split('\n').filter(Boolean).length
  }
}

const pinentryScript = (agent) => `#!/bin/sh
# Answers ukeyd's dialogue in place of a person (Assuan protocol).
echo "OK ready"
while read -r line; do
  case "$line" in
    GETPIN*)
      echo asked >> '${agent.asked}'
      while [ ! -s '${agent.pinFile}' ]; do sleep 0.1; done
      answer=$(head -n 1 '${agent.pinFile}')
      [ "$(wc -l < '${agent.pinFile}')" -eq 0 ] || sed -i 1d '${agent.pinFile}'
      if [ "$answer" = CANCEL ]; then echo 'ERR 83886179 Operation cancelled'; else printf 'D %s\\n' "$answer"; echo OK; fi ;;
    BYE*) echo OK; exit 0 ;;
    *) echo OK ;;
  esac
done
`

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await until(() => child.exitCode !== null || child.signalCode !== null, 'a process to end')
}

const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
]

export const launch = (more = []) =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: [...flags, ...more] })

/** Messages of the simulated outbox to one receiver, newest first. */
export async function outbox(server, to) {
  const answer = await fetch(`${server.dev.url}/api/v1/dev/outbox?to=${encodeURIComponent(to)}`)
  return (await answer.json()).items
}

/**
 * A walk: a server of its own, a browser, and what every walk does in it alike. flags(url of the server) go to Chromium, dev to `signet dev`.
 *
 * say(text) names the step, tab() is a browser of its own for one person, look(name, at) keeps a screenshot at both widths and judges the
 * page, run(body, agents) does the steps and tidies up. Whatever page, browser or look complain of is collected, and fails the walk at its end.
 */
export async function startWalk(name, flags = () => [], dev = []) {
  const server = await startServer(dev)
  const browser = await launch(flags(server.dev.url))
  const troubles = []
  let step = ''

  function say(text) {
    step = text
    console.log(`- ${text}`)
  }

  /** Console errors are failures of the page; refusals that the walk provokes are not, nor answers that it gives itself (x-walk). */
  async function tab(viewport = { width: 1280, height: 900 }) {
    const context = await browser.newContext({ viewport, locale: 'zh-CN', baseURL: server.dev.url, reducedMotion: 'reduce', acceptDownloads: true })
    const at = await context.newPage()
    at.setDefaultTimeout(60_000) // a busy computer is no failure
    at.on('pageerror', (error) => troubles.push(`${step}: ${at.url()}: ${error.message}`))
    at.on('console', (message) => {
      if (message.type() === 'error' && !/the server responded with a status of [45]/.test(message.text())) troubles.push(`${step}: ${at.url()}: ${message.text()}`)
    })
    at.on('response', (answer) => {
      if (answer.status() >= 500 && !answer.headers()['x-walk']) troubles.push(`${step}: ${answer.url()}: ${answer.status()}`)
    })
    return at
  }

  /** Types the answer to the captcha that is shown, which the development outbox tells. */
  async function captcha(at) {
    const image = at.getByTestId('login-captcha-image')
    await image.waitFor()
    const shown = await image.getAttribute('data-captcha')
    const answer = await until(async () => (await outbox(server, `captcha:${shown}`))[0]?.text.match(/\d{4}/)?.[0], 'the captcha')
    await at.getByTestId('login-captcha').fill(answer)
    return shown
  }

  /** Fills the login panel on the page and sends it; the status of the answer. After a refusal the next captcha is shown. */
  async function login(at, user, secret, answer) {
    await at.getByTestId('login-username').fill(user)
    await at.getByTestId('login-password').fill(secret)
    const shown = await captcha(at)
    if (answer) await at.getByTestId('login-captcha').fill(answer)
    const answered = at.waitForResponse((response) => response.url().endsWith('/api/v1/session') && response.request().method() === 'POST')
    await at.getByTestId('login-submit').click()
    const status = (await answered).status()
    const image = at.getByTestId('login-captcha-image')
    if (status >= 400) await until(async () => (await image.getAttribute('data-captcha').catch(() => shown)) !== shown, 'a new captcha')
    return status
  }

  /** A member of the demo's staff in the back office, in a browser of their own. */
  async function desk(role, path = '/admin') {
    const at = await tab()
    const { login: user, password } = server.dev.accounts.find((one) => one.role === role)
    await at.goto(path)
    await login(at, user, password)
    await at.getByTestId('greeting').waitFor()
    return at
  }

  /** The newest code that went to a phone. */
  function code(phone) {
    return until(async () => (await outbox(server, phone)).map(({ text }) => /验证码\D*(\d{6})/.exec(text)?.[1]).find(Boolean), `a code to ${phone}`)
  }

  /** A legacy holder sets phone and password (walk.mjs does it in all detail), and logs in. */
  async function enter(at, holder, phone, password) {
    await at.goto('/p/jhggzy')
    await login(at, holder.login, holder.password)
    const id = (one) => at.getByTestId(one)
    await id('supplement-phone').fill(phone)
    await id('supplement-send').click()
    await id('supplement-sent-ok').click()
    await id('supplement-code').fill(await code(phone))
    await id('supplement-password').fill(password)
    await id('supplement-confirm').fill(password)
    await id('supplement-submit').click()
    await id('supplement-done').waitFor()
    await at.goto('/p/jhggzy')
    await login(at, phone, password)
    await id('greeting').first().waitFor()
  }

  /** Screenshots at both widths without sideways scrolling, and no serious fault by axe. */
  async function look(what, at) {
    const size = at.viewportSize()
    for (const [width, file] of [[1280, `${name}-${what}.png`], [360, `${name}-${what}-360.png`]]) {
      await at.setViewportSize({ width, height: 900 })
      await still(at)
      await at.screenshot({ path: join(shots, file), fullPage: true })
      const wide = await at.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      if (wide > 0) troubles.push(`${what} at ${width}: ${wide} px too wide`)
    }
    await at.setViewportSize(size)
    await still(at)
    const { violations } = await new AxeBuilder({ page: at }).analyze()
    for (const one of violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')) {
      troubles.push(`${what}: ${one.id} ${one.nodes.map(({ target }) => target.join(' ')).join(', ')}\n${one.nodes[0].failureSummary}`)
    }
  }

  /** The steps; whatever happens, what was started is stopped. Of a failure there is a screenshot of every open page. */
  async function run(body, agents = []) {
    try {
      await body()
      if (troubles.length) throw new Error('the browser complained')
      console.log(`${name}: all steps passed`)
    } catch (error) {
      const pages = browser.contexts().flatMap((one) => one.pages())
      await Promise.all(pages.map((one, n) => one.screenshot({ path: join(shots, `${name}-failed-${n}.png`), fullPage: true }).catch(() => {})))
      console.error(`${name}: failed at "${step}"\n${error.stack}\n${troubles.join('\n')}\n${pages.map((one) => one.url()).join('\n')}`)
      for (const agent of agents) console.error(`ukeyd:\n${agent.log.slice(-3000)}`)
      console.error(`signet:\n${server.log().slice(-3000)}`)
      process.exitCode = 1
    } finally {
      for (const agent of agents) await agent.stop()
      await browser.close()
      await server.stop()
    }
  }

  return { server, browser, troubles, say, tab, captcha, login, desk, code, enter, look, run }
}

/** Waits until nothing moves any more, but for what moves for ever. */
export async function still(at) {
  await at.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done))
    const moving = () => document.getAnimations().some((one) => one.playState === 'running' && one.effect.getComputedTiming().endTime !== Infinity)
    await frame()
    await frame()
    for (let turn = 0; turn < 600 && moving(); turn++) await frame()
  })
}

/** Waits until nothing is loading any more. */
export async function settled(at) {
  await at.waitForLoadState('networkidle')
  await still(at)
  await until(async () => (await at.locator('.ant-spin-spinning').count()) === 0, 'the page to be loaded')
}

/** What an authenticator shows now (RFC 6238: 6 digits, 30 s, SHA-1). */
export function totp(secret) {
  const bits = [...secret.replace(/=+$/, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const mac = createHmac('sha1', key).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
