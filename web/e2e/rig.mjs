// What the browser walk stands on: a fresh `signet dev`, a real ukeyd, a headless Chromium.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
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

/** A server with the demo data in a folder of its own. */
export async function startServer() {
  const home = mkdtempSync(join(tmpdir(), 'signet-walk-'))
  const data = join(home, 'data')
  const child = spawn(join(root, 'bin/signet'), ['dev', '-listen', '127.0.0.1:0', '-data', data], { stdio: ['ignore', 'pipe', 'pipe'] })
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
  constructor(server, pin) {
    this.server = server
    this.folder = join(server.home, 'agent')
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
    const args = ['-portal', this.server.dev.url, '-softkey', join(this.server.data, 'keys'), '-state', join(this.folder, 'state'), '-pinentry', this.pinentry]
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
