// The audit record, tampered with: an auditor has its head signed and verifies the chain; then a row is changed in the database behind the server's
// back, and the page finds exactly that row, as signetctl does in the exported file.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, settled, startWalk } from './rig.mjs'

const { server, desk, look, run, say } = await startWalk('audit')

await run(async () => {
  say('the auditor has the head signed, and the whole chain holds')
  const page = await desk('auditor', '/admin/audit')
  const id = (one) => page.getByTestId(one)
  await id('audit-seal').click()
  await page.locator('[data-testid=audit-checkpoints] [data-logged=true]').first().waitFor()
  await id('audit-verify').click()
  await id('audit-holds').waitFor()
  await settled(page)
  await look('holds', page)

  say('long contents are folded, so that a page is no roll')
  await page.setViewportSize({ width: 360, height: 900 })
  await id('audit-list').locator('ul.cards').waitFor()
  const tallest = await page.evaluate(() => Math.max(...[...document.querySelectorAll('[data-testid=audit-list] li')].map((card) => card.offsetHeight)))
  assert.ok(tallest > 0 && tallest < 400, `an entry is ${tallest} px high at 360`)
  await page.setViewportSize({ width: 1280, height: 900 })
  const fold = id('unfold').first()
  assert.equal(await fold.getAttribute('aria-expanded'), 'false')
  await fold.press('Enter')
  await page.locator('[data-testid=unfold][aria-expanded=true]').waitFor()

  say('the exported chain holds by signetctl too')
  const whole = join(server.home, 'whole.jsonl')
  await exported(whole)
  const good = signetctl(whole)
  assert.equal(good.status, 0, good.stderr)
  assert.match(good.stdout, /^the file holds: entries 1 to \d+$/m)
  assert.match(good.stdout, /checkpoints? fit, up to entry \d+/)

  say('somebody changes a row in the database, and the page names that row')
  const lines = readFileSync(whole, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
  const victim = lines.find((one) => one.act === 'import.row')
  assert.ok(victim, 'an act of an import is in the record')
  execFileSync('go', ['run', '-trimpath', './web/e2e/parts/tamper', join(server.data, 'signet.db'), `UPDATE store_audit SET facts = replace(facts, '"batch"', '"Batch"') WHERE seq = ${victim.seq}`], {
    cwd: root, env: { ...process.env, CGO_ENABLED: '0' }, stdio: ['ignore', 'ignore', 'inherit'],
  })
  await id('audit-verify').click()
  const broken = id('audit-broken')
  await broken.waitFor()
  assert.ok((await broken.innerText()).includes(`第 ${victim.seq} 条`), await broken.innerText())
  await broken.getByText('"Batch"').waitFor() // the row as it stands now
  assert.equal(await id('audit-holds').count(), 0)
  await look('broken', page)

  say('in the exported file signetctl finds the same row')
  const changed = join(server.home, 'changed.jsonl')
  await exported(changed)
  const bad = signetctl(changed)
  assert.equal(bad.status, 1)
  assert.ok(bad.stderr.includes(`audit chain broken at entry ${victim.seq}: its contents were changed`), bad.stderr)

  async function exported(file) {
    const [download] = await Promise.all([page.waitForEvent('download'), id('audit-export-jsonl').click()])
    await download.saveAs(file)
  }
})

function signetctl(file) {
  return spawnSync(join(root, 'bin/signetctl'), ['audit', 'verify', '-data', server.data, '-file', file], { encoding: 'utf8' })
}
