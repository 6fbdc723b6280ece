// A batch of keys in the back office and at the station, which is a real ukeyd: one key is pulled out on the way, one is given up, letters are
// printed, the report is signed. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, root, startWalk, until } from './rig.mjs'

const { server, say, desk, look: lookAt, run } = await startWalk('flash')
const own = server.dev.tokens.find((one) => one.dir.endsWith('qingzhou')) // in the part of the operator's own key
const holder = server.dev.legacy.find((one) => /^[0-9A-Z]{18}$/.test(one.login))
const hub = join(server.home, 'hub')
const away = join(server.home, 'away')
mkdirSync(away)
cpSync(own.dir, join(hub, 'operator'), { recursive: true })

/** ukeyd flash in place of ukeyd. */
class Station extends Agent {
  start(code, number) {
    const args = ['flash', '-portal', server.dev.url, '-softkey', hub, '-state', join(this.folder, 'state'), '-pinentry', this.pinentry, '-operator', own.serial, '-batch', number, '-pair', code]
    this.child = spawn(join(root, 'bin/ukeyd'), args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => (this.log += text))
  }

  /** said(serial, words): the station's screen shows them for the key. */
  said(serial, words) {
    return until(() => this.log.split('\n').some((line) => line.startsWith(serial) && words.test(line)), `${serial} ${words}`)
  }
}

const station = new Station(server, own.pin)
const page = await desk('operator', '/admin/flash')
const id = (name) => page.getByTestId(name)

await run(async () => {
  say('the operator makes a batch of five')
  await id('flash-create').click()
  await id('flash-title').fill('窗口第一批')
  await id('flash-project').click()
  await page.locator('.ant-select-item-option').first().waitFor()
  await page.keyboard.press('Enter')
  await id('flash-codes').fill(Array(5).fill(holder.login).join('\n'))
  await look('create')
  await id('flash-submit').click()
  await id('flash-batch').waitFor()
  assert.equal(await id('flash-batch').getAttribute('data-state'), 'open')
  const number = (await page.locator('[data-testid=flash-batch] .mono').first().innerText()).trim()

  say('the station is paired and signs the start; four blanks are made, one of them pulled out and put back')
  const pairing = await page.request.post('/api/v1/agent/pairings', { headers: { Origin: server.dev.url }, data: {} })
  assert.ok(pairing.ok(), await pairing.text())
  for (const serial of ['SK-W001', 'SK-W002', 'SK-W003', 'SK-W006']) plug(serial)
  station.start((await pairing.json()).code, number)
  await station.said('SK-W002', /制作中/)
  await pull('SK-W002')
  renameSync(join(away, 'SK-W002'), join(hub, 'SK-W002'))
  await batch('started', 4)
  await look('started')

  say('a broken key is given up: its place is free again, and another key takes it')
  plug('SK-W004', 'token.json.new') // where its token would be written is a folder: nothing can be
  await station.said('SK-W004', /失败/)
  await page.getByRole('button', { name: '放弃 SK-W004' }).click()
  await id('give-up-submit').click()
  await page.locator('.ant-form-item-explain-error').waitFor() // not without a reason
  await id('give-up-reason').fill('接口损坏')
  await look('give-up')
  await id('give-up-submit').click()
  await id('flash-given-up').getByText('SK-W004').waitFor()
  plug('SK-W005')
  await batch('done', 5)

  say('the report is signed with the operator’s key, and names what was given up')
  await id('flash-report').waitFor()
  const report = await page.locator('[data-testid=flash-batch] pre').innerText()
  for (const serial of ['SK-W001', 'SK-W002', 'SK-W003', 'SK-W005', 'SK-W006']) assert.match(report, new RegExp(serial))
  await until(() => station.child.exitCode !== null, 'the station to end')
  assert.equal(station.child.exitCode, 0, station.log)
  assert.match(station.log, /报告已签名/)
  await look('done')

  say('a letter is shown once')
  const [first] = await page.locator('[data-testid^=flash-letter-]').all()
  const place = (await first.getAttribute('data-testid')).replace('flash-letter-', '')
  await first.click()
  await id('letter-open').click()
  const pin = (await id('letter').locator('output').innerText()).trim()
  assert.match(pin, /^[2-9a-kmnp-z]{8}$/)
  await look('letter')
  await id('letter-close').click()
  await id(`flash-letter-${place}`).waitFor({ state: 'detached' })

  for (const secret of [pin, own.pin]) assert.ok(!server.log().includes(secret) && !station.log.includes(secret), 'a PIN stands in a log')
}, [station])

/** A blank software key; with a folder in it where none should be, a broken one. */
function plug(serial, folder = '') {
  mkdirSync(join(away, serial, folder), { recursive: true })
  writeFileSync(join(away, serial, 'serial'), serial)
  renameSync(join(away, serial), join(hub, serial)) // plugged in whole
}

/** Pulls a key out while it is made; one that was quicker than the hand is done. */
async function pull(serial) {
  renameSync(join(hub, serial), join(away, serial))
  await station.said(serial, /已拔出|完成/)
  assert.ok(!existsSync(join(hub, serial)), 'what was pulled out is not written to')
}

/** The page follows by itself. */
function batch(state, done) {
  return page.locator(`[data-testid=flash-batch][data-state=${state}][data-done="${done}"]`).waitFor({ timeout: 60_000 })
}

function look(name) {
  return lookAt(name, page)
}
