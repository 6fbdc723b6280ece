// 恢复 from the company's request to the bid that opens again: a key broke, its encryption key is recovered to another one. Two reviewers in the back office, then
// two officers of the key management centre, each at a computer of their own and with a USB key of their own.
// Run by scripts/test with its neighbours. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, root, until } from './rig.mjs'
import { startCompany } from './parts/company.mjs'

const password = 'Recovery-2026'

const company = await startCompany('recovery')
const { server, page, id, mine } = company
const token = (dir) => server.dev.tokens.find((one) => one.dir.endsWith(dir))
const broken = token('qingzhou')
const fresh = token('blank')
const agent = new Agent(server, broken.pin)
const officers = server.dev.officers.map((one) => ({ ...one, agent: new Agent(server, one.pin, { keys: one.dir, name: one.id }) }))
const signetctl = (...args) => execFileSync(join(root, 'bin/signetctl'), args, { encoding: 'utf8' })

await company.run([agent, ...officers.map((one) => one.agent)], [password, broken.pin, fresh.pin, ...officers.map((one) => one.pin)], async () => {
  company.say('a company with two certificates on two keys, and a bid sealed to the first')
  await company.enter('擎洲测试投标人6', '13858011093', password)
  const lost = await certificate(await company.renewed(agent, broken.serial))
  const kept = await certificate(await anotherOne())
  const bid = join(server.home, '投标文件.txt')
  writeFileSync(bid, '标段一的投标文件,密钥坏了也要能开。\n')
  writeFileSync(join(server.home, 'enc.pem'), (await mine('GET', `/certificates/${lost.id}`)).encPem)
  signetctl('encrypt', '-to', join(server.home, 'enc.pem'), '-out', `${bid}.p7m`, bid)
  renameSync(broken.dir, join(server.home, 'broken')) // pulled for good

  company.say('恢复: which key, why, which files, to which key')
  await page.goto('/account/recoveries')
  await id('recovery-ask').click()
  await choose('recovery-which', lost.encSerialHex)
  await choose('recovery-to', kept.encSerialHex)
  await id('recovery-reason').fill('UKey 损坏,有未开标文件')
  await id('recovery-files').fill('投标文件.txt.p7m')
  await company.look('ask')
  await id('recovery-submit').click()
  await state('pending')
  const [letter] = await Promise.all([page.waitForEvent('download'), id('recovery-letter').click()])
  const paper = join(server.home, 'letter.pdf')
  await letter.saveAs(paper)
  assert.equal(readFileSync(paper).subarray(0, 5).toString(), '%PDF-', 'the letter is printed')
  await company.look('pending')
  const { number } = await mine('GET', `/recoveries/${company.applicationId()}`)

  company.say('a reviewer and an approver, in the back office')
  for (const [role, next] of [['reviewer', 'second'], ['approver', 'requested']]) {
    const desk = await company.desk(role, '/admin/recoveries')
    await desk.getByTestId(`recovery-approve-${number}`).click()
    await desk.getByTestId('recovery-decide').waitFor()
    await company.look(role, desk)
    await desk.getByTestId('recovery-decide').click()
    await desk.getByTestId('recovery-decided').waitFor()
    await page.reload()
    await state(next)
    await desk.context().close()
  }
  await company.look('requested')

  company.say('whose key is no officer’s sees nothing')
  const stranger = await officersPage()
  await stranger.getByTestId(`officer-key-${fresh.serial}`).click()
  await stranger.locator('[data-testid=officer-key-problem][data-code=officer_refused]').waitFor()
  await company.look('no-officer', stranger)
  await stranger.context().close()
  await agent.stop() // the officers sit elsewhere: one agent at a time has this computer's ports

  company.say('the first officer approves with a key; the same officer counts once')
  const first = await decide(officers[0], 'open', 'officer')
  const again = await fetch(first.url(), { method: 'POST', headers: { 'Content-Type': 'application/json', Origin: server.dev.url }, body: first.postData() })
  assert.deepEqual([again.status, (await again.json()).code], [409, 'recovery_state'], 'the same officer twice is refused')
  const stolen = await fetch(first.url(), { method: 'POST', headers: { 'Content-Type': 'application/json', Origin: server.dev.url }, body: JSON.stringify({ ...JSON.parse(first.postData()), officer: officers[1].id }) })
  assert.deepEqual([stolen.status, (await stolen.json()).code], [403, 'officer_refused'], 'and speaks for nobody else')
  await page.reload()
  await state('requested')

  company.say('the second officer approves, and the key is recovered')
  await decide(officers[1], 'approved', 'second-officer')
  await until(async () => (await mine('GET', `/recoveries/${company.applicationId()}`)).state === 'ready', 'the key to be recovered')
  await page.reload()
  await state('ready')

  company.say('it is written to the other key, and the bid opens')
  agent.pin(fresh.pin)
  agent.start()
  await id(`key-card-${fresh.serial}`).getByRole('radio').check()
  await company.look('write')
  await id('recovery-start').click()
  await id('recovery-written').waitFor({ timeout: 120_000 })
  await company.look('written')
  await page.goto('/tools/sign')
  await id('open-tab').click()
  await page.locator('input[type=file][data-testid=open-file]').setInputFiles(`${bid}.p7m`)
  await id(`key-card-${fresh.serial}`).getByRole('radio').check()
  await id('open-start').click()
  await id('open-done').waitFor({ timeout: 60_000 })
  const [plain] = await Promise.all([page.waitForEvent('download'), id('open-download').click()])
  const opened = join(server.home, 'opened.txt')
  await plain.saveAs(opened)
  assert.equal(readFileSync(opened, 'utf8'), readFileSync(bid, 'utf8'), 'the bid reads as it was written')
  await company.look('opened')
})

/** The certificate with this serial number, as the company sees it. */
async function certificate(serial) {
  const { items } = await mine('GET', '/certificates?size=100')
  return items.find((one) => one.serialHex === serial)
}

/** 新领 by the API onto the blank key: the pages have kinds.mjs. Answers the serial number. */
async function anotherOne() {
  const { id: application } = await mine('POST', '/applications', { kind: 'new', projectSlug: 'jhggzy' })
  const { number } = await mine('PATCH', `/applications/${application}`, { delivery: 'own', reason: '第二把 UKey' })
  for (const type of ['registration_form', 'handler_id', 'licence']) await company.sendMaterial(application, type)
  await mine('POST', `/applications/${application}/submit`, {})
  await company.approve(number)
  const { orderId } = await company.reached(application, 'paying', 'ready')
  if (orderId) await company.paid(orderId)
  await company.reached(application, 'ready')
  agent.pin(fresh.pin)
  await mine('POST', `/applications/${application}/enrolment`, { tokenSerial: fresh.serial })
  return (await company.reached(application, 'completed')).enrolment.signSerialHex
}

async function choose(select, text) {
  await id(select).click()
  const active = page.locator('.ant-select-dropdown:visible .ant-select-item-option-active')
  await active.waitFor()
  for (let n = 0; n < 5 && !(await active.innerText()).includes(text); n++) await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await id(select).getByText(text).waitFor()
}

function state(one) {
  return page.locator(`[data-testid=recovery][data-state=${one}]`).waitFor()
}

/** The page of the officers at a browser that nobody is logged in to, connected to the agent beside it. */
async function officersPage() {
  const at = await company.tab()
  await at.goto('/kmc')
  await company.permit(at)
  await at.getByTestId('officer-connect').click()
  return at
}

/** An officer approves the one case that waits; answers the request that said so. */
async function decide(officer, after, shot) {
  const code = signetctl('kmc', 'officer', 'pair', '-data', server.data, officer.id).trim()
  officer.agent.start(code)
  await until(() => officer.agent.log.includes('pages on this computer are answered'), 'the loopback port')
  const at = await officersPage()
  await at.getByTestId(`officer-key-${officer.serial}`).click()
  await at.getByTestId('officer-case').getByText(officer.id === 'op1' ? 'UKey 损坏' : '未开标').first().waitFor()
  await company.look(shot, at)
  const asked = officer.agent.questions()
  const said = at.waitForRequest((request) => request.url().endsWith('/decisions'))
  await at.getByTestId('officer-approve').click()
  await at.locator(`[data-testid=officer-done][data-state=${after}]`).waitFor({ timeout: 60_000 })
  assert.equal(officer.agent.questions() - asked, 1, 'the PIN is asked for once')
  await company.look(`${shot}-done`, at)
  await at.context().close()
  await officer.agent.stop()
  return said
}
