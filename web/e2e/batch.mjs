// Two certificates of one company renewed together: one order for what is not paid for, both keys written one after the other, one of them pulled
// out at first. Run by scripts/test with its neighbours. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, root } from './rig.mjs'
import { startCompany } from './parts/company.mjs'

const password = 'Batch-2026'
const old = '74C2008800000AE9'

const company = await startCompany('batch')
const { page, id, server } = company
const token = (dir) => server.dev.tokens.find((one) => one.dir.endsWith(dir))
const [first, second] = [token('qingzhou'), token('blank')]
const agent = new Agent(server, second.pin)

await company.run(agent, [password, first.pin, second.pin], async () => {
  company.say('a holder with two certificates: an old one, and a new one that runs for a month')
  await company.enter('擎洲测试投标人6', '13858011091', password)
  const fresh = await newOne()

  company.say('批量延期: both are chosen, one order is made')
  await page.goto('/account/certificates')
  await id('certificates-renewals').click()
  await id(`renewals-pick-${fresh}`).waitFor()
  await company.look('renewals-choice')
  await id('renewals-all').check()
  await id('renewals-start').click()
  await id('batch-unpaid').waitFor()
  await page.locator(`[data-testid=batch-item-${old}][data-state=unpaid]`).waitFor()
  await page.locator(`[data-testid=batch-item-${fresh}][data-state=ready]`).waitFor()
  await company.look('batch-unpaid')

  company.say('paid: the page goes on by itself; one key is pulled out, the other is written')
  const { items } = await company.mine('GET', '/orders?state=pending')
  await company.paid(items[0].id)
  await page.locator(`[data-testid=batch-item-${old}][data-state=ready]`).waitFor({ timeout: 60_000 })
  const away = join(server.home, 'pulled')
  renameSync(first.dir, away)
  await id('batch-refresh').click()
  await keys(1)
  await id('batch-accept').check()
  await company.look('batch-ready')
  await id('batch-start').click()
  await page.locator(`[data-testid=batch-item-${fresh}][data-state=done]`).waitFor({ timeout: 120_000 })
  await page.locator(`[data-testid=batch-item-${old}][data-state=ready]`).waitFor()

  company.say('left and found again: the key is back, the rest is written')
  await page.goto('/account/renewals')
  renameSync(away, first.dir)
  agent.pin(first.pin)
  await page.locator('[data-testid^=renewals-open-]').click()
  await id('batch-refresh').click()
  await keys(1)
  await id('batch-accept').check()
  await id('batch-start').click()
  await id('batch-done').waitFor({ timeout: 120_000 })
  await company.look('batch-done')
  const { items: mine } = await company.mine('GET', '/certificates?size=100')
  assert.equal(mine.filter((one) => one.state === 'superseded').length, 2)
  assert.equal(mine.filter((one) => one.state === 'expiring').length, 2)
})

function keys(count) {
  return page.locator(`[data-testid=batch-keys][data-count="${count}"]`).waitFor({ timeout: 60_000 })
}

/** 新领 by the API: the pages have kinds.mjs. The project's term is a month, so that the certificate can be renewed at once. Answers its serial. */
async function newOne() {
  const project = join(server.home, 'project.yaml')
  writeFileSync(project, 'slug: jhggzy\nname: 金华市公共资源交易中心\nproduct: 金华市招投标专用数字证书\npriceCents: 20000\ntermMonths: 1\ncontact: {phone: 400-0878-198}\nmaterials: {new: []}\n')
  execFileSync(join(root, 'bin/signetctl'), ['project', 'set', '-data', server.data, '-despite-second-person', 'a term of a month, for this walk', project])
  const application = await company.mine('POST', '/applications', { kind: 'new', projectSlug: 'jhggzy' })
  const at = `/applications/${application.id}`
  await company.mine('PATCH', at, { delivery: 'own' })
  await company.mine('POST', `${at}/submit`, {})
  await company.approve(application.number)
  await company.paid((await company.mine('GET', at)).orderId)
  await company.pairQuietly(agent)
  await company.mine('POST', `${at}/enrolment`, { tokenSerial: second.serial })
  return (await company.reached(application.id, 'completed')).enrolment.signSerialHex
}
