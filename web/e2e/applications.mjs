// A change of name as a company and its reviewers see it, in a real browser: form, five materials, one sent back and corrected, two
// reviewers, the new certificate written, and the old bid still opens. Then a lost key is replaced.
// Run by scripts/test with its neighbours. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, startWalk } from './rig.mjs'

const serial = '74C2008800000AE9'
const phone = '13858011086'
const password = 'Change-2026'
const newName = '擎洲测试投标人陆有限公司'

const { server, say, tab, desk, enter, look: lookAt, run } = await startWalk('applications')
const holder = server.dev.legacy.find((one) => one.name === '擎洲测试投标人6')
const token = server.dev.tokens.find((one) => one.dir.endsWith('qingzhou'))
const agent = new Agent(server, token.pin)
const page = await tab()
const id = (name) => page.getByTestId(name)

await run(async () => {
  say('a legacy holder comes in, and sees what waits')
  await enter(page, holder, phone, password)
  await id('today').waitFor()
  await look('today')

  say('服务申请 says what each application takes')
  await id('menu-apply').click()
  await id('apply').getByText('个工作日内完成审核').first().waitFor()
  await look('apply')

  say('变更 tells the risk, then three ways side by side')
  await page.goto('/account/certificates')
  await id(`certificate-change-${serial}`).click()
  await id('change-risk').getByText('因证书的延期、变更会导致原加密的文件不可用').waitFor()
  await look('change-risk')
  await id('change-confirm').click()
  await id('change').getByText('工商变更证明复印件,加盖公章').first().waitFor()
  await look('change')
  await id('change-change_name').click()

  say('the wizard: risk, form with a mistake, five materials')
  await course('risk')
  await look('course-risk')
  await next()
  await course('form')
  await next()
  await id('course-name-problem').waitFor()
  await id('course-name').fill(newName)
  await id('course-uscc').fill('91330700MA2DEM0600')
  await id('course-reason').click() // leaves the field
  await id('course-uscc-problem').waitFor()
  await look('course-form')
  await id('course-uscc').fill('')
  await id('course-saved').getByText('自动保存').waitFor()
  await page.reload()
  assert.equal(await id('course-name').inputValue(), newName, 'the draft was saved by itself')
  await next()
  await course('materials')
  await look('course-materials-empty')
  for (const type of ['registration_form', 'handler_id', 'licence', 'change_proof', 'risk_letter']) await handIn(type)
  await look('course-materials')
  await next()
  await course('confirm')
  await id('course-confirm').getByText(newName).waitFor()
  await look('course-confirm')
  await next()
  await stage('review')
  await page.locator('[data-testid=stage-review]').waitFor()
  const number = (await id('wizard-number').innerText()).trim()
  await look('application-review')

  say('the reviewer takes it, marks one file bad and sends it back, by keyboard')
  const reviewer = await desk('reviewer', '/admin/review')
  await reviewer.getByTestId(`review-open-${number}`).waitFor()
  await look('review-queue', reviewer)
  await reviewer.keyboard.press('Enter')
  await reviewer.getByTestId('review-difference-name').getByText(newName).waitFor()
  await reviewer.getByTestId('review-claim').waitFor()
  await reviewer.keyboard.press('c')
  await reviewer.getByTestId('review-approve').waitFor()
  await reviewer.getByTestId('viewer').waitFor()
  await reviewer.keyboard.press('+')
  await reviewer.keyboard.press(']')
  await reviewer.locator('[data-testid=viewer][data-zoom="1.5"][data-turn="90"]').waitFor()
  await reviewer.keyboard.press('o')
  await reviewer.keyboard.press('j')
  await reviewer.locator('[data-testid=review-file-licence].marked-shown').waitFor()
  await reviewer.keyboard.press('b')
  await reviewer.getByTestId('review-note-licence').fill('公章不清晰，请重新扫描')
  await look('review-desk', reviewer)
  await reviewer.getByTestId('review-return').click()
  await reviewer.getByTestId('decision-text').getByText('公章不清晰').waitFor()
  await look('review-return', reviewer)
  await reviewer.getByTestId('decision-submit').click()
  await reviewer.getByTestId('review-list').waitFor() // nothing else waits, so the queue is shown

  say('the holder sees the reason on the file, and may change only that')
  await page.reload()
  await stage('edit')
  await course('materials')
  await id('course-returned').getByText('材料不清晰').waitFor()
  await page.getByText('公章不清晰，请重新扫描').first().waitFor()
  await look('course-returned')
  await handIn('licence')
  await next()
  await course('confirm')
  await next()
  await stage('review')

  say('approved by the reviewer and by another person')
  await decide(reviewer, number)
  const approver = await desk('approver', '/admin/review')
  await approver.getByTestId(`review-open-${number}`).waitFor()
  await decide(approver, number)
  await approver.goto('/admin/review/throughput')
  await approver.getByTestId('throughput').waitFor()
  await look('throughput', approver)

  say('the new certificate is written to the key')
  await page.reload()
  await stage('write')
  await id('pairing-start').click()
  agent.start((await id('pairing-code').innerText()).trim())
  await id(`key-card-${token.serial}`).waitFor()
  await look('change-key')
  await id('wizard-key-next').click()
  await id('wizard-write').click()
  await id('wizard-done').waitFor({ timeout: 120_000 })
  await id('wizard-proof-old').first().waitFor()
  await look('change-done')

  say('the old bid still opens with the same key')
  await page.goto('/tools/sign')
  await id('open-tab').click()
  await page.locator('input[type=file][data-testid=open-file], [data-testid=open-file] input[type=file]').first().setInputFiles(join(server.data, 'bid', '投标文件.txt.p7m'))
  await id(`key-card-${token.serial}`).getByRole('radio').check()
  await id('open-start').click()
  await id('open-done').waitFor({ timeout: 60_000 })
  const [plain] = await Promise.all([page.waitForEvent('download'), id('open-download').click()])
  const opening = join(server.home, 'opened.txt')
  await plain.saveAs(opening)
  assert.equal(readFileSync(opening, 'utf8'), readFileSync(join(server.data, 'bid', '投标文件.txt'), 'utf8'), 'the old bid reads as it was written')

  say('补办 tells first, then asks for the cause and the way')
  await page.goto('/account/certificates')
  await page.getByText(newName).first().waitFor()
  await look('certificates-changed')
  await page.locator('[data-testid^=certificate-replace-]:not([aria-disabled])').first().click()
  await id('replace-text').getByText('已加密而未开标').waitFor()
  await look('replace-notice')
  await id('replace-confirm').click()
  await course('form')
  await id('course-cause-lost').check()
  await id('course-delivery-ship').check()
  await id('address-name').fill('李四')
  await id('address-phone').fill('13858011086')
  await id('address-region').fill('浙江省 金华市 婺城区')
  await id('address-street').fill('双龙南街 801 号')
  await look('replace-form')
  await next()
  await course('materials')
  for (const type of ['registration_form', 'handler_id', 'licence', 'loss_statement']) await handIn(type)
  await next()
  await course('confirm')
  await id('course-confirm').getByText('双龙南街 801 号').waitFor()
  await next()
  await stage('review')
  const second = (await id('wizard-number').innerText()).trim()
  await decide(reviewer, second)
  await decide(approver, second)
  await page.reload()
  await stage('parcel')
  await look('replace-parcel')
  await page.goto('/account/applications')
  await id('application-list').getByText('证书补办').first().waitFor()
  await look('applications')
  await page.getByText('English').first().click()
  await page.getByText('My applications').first().waitFor()

  for (const secret of [password, token.pin]) assert.ok(!server.log().includes(secret), 'a secret stands in the server log')
}, [agent])

function next() {
  return id('course-next').click()
}

function course(name) {
  return page.locator(`[data-testid=course][data-step=${name}]`).waitFor()
}

function stage(name) {
  return page.locator(`[data-testid=application][data-stage=${name}]`).waitFor()
}

/** A scan is a picture of the page; no two are the same. */
async function handIn(type) {
  const file = join(server.home, `${type}.jpg`)
  writeFileSync(file, await page.screenshot({ type: 'jpeg', quality: 70 }))
  const input = page.locator(`input[data-testid=upload-${type}], input[data-testid=replace-${type}]`).first()
  await Promise.all([page.waitForResponse((answer) => answer.url().includes('/materials?') && answer.status() === 201), input.setInputFiles(file)])
  await page.getByText(`${type}.jpg`).first().waitFor()
}

/** Claims and approves as a person at the keyboard does. */
async function decide(who, number) {
  await who.goto('/admin/review')
  await who.getByTestId(`review-open-${number}`).click()
  await who.getByTestId('review-claim').click()
  await who.getByTestId('review-approve').waitFor()
  await who.keyboard.press('a')
  await who.getByTestId('decision-text').getByText(number).waitFor()
  await Promise.all([who.waitForResponse((answer) => answer.url().endsWith('/decisions') && answer.ok()), who.getByTestId('decision-submit').click()])
}

function look(name, at = page) {
  return lookAt(name, at)
}
