// Signatures in place of paper and of a mere click: a company signs its request for revocation with the certificate's key, and the reviewer, whose key a second
// person confirmed, signs the decision. The server requires keys of staff (signet dev -staff-keys), so that an unsigned decision is refused.
// Run by scripts/test with its neighbours. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { Agent } from './rig.mjs'
import { startCompany } from './parts/company.mjs'

const password = 'Signed-2026'

const company = await startCompany('signed', ['-staff-keys'])
const { server, page, id, mine } = company
const key = server.dev.tokens.find((one) => one.dir.endsWith('qingzhou'))
const agent = new Agent(server, key.pin)
const staffKey = server.dev.staffKeys.find((one) => one.role === 'reviewer')
const staffAgent = new Agent(server, staffKey.pin, { keys: staffKey.dir, name: 'reviewer' })

await company.run([agent, staffAgent], [password, key.pin, staffKey.pin], async () => {
  company.say('a holder whose certificate was renewed here asks to revoke it, and signs the request with its key')
  await company.enter('擎洲测试投标人6', '13858011094', password)
  const serial = await company.renewed(agent, key.serial)
  const { items } = await mine('GET', '/certificates')
  await page.goto(`/account/certificates/${items.find((one) => one.serialHex === serial).id}`)
  await id('certificate-revoke').click()
  await company.course('form')
  await id('course-revocation').click()
  await page.locator('.ant-select-dropdown:visible .ant-select-item-option-active').waitFor()
  for (const press of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(press)
  await id('course-revocation').getByText('不再使用').waitFor()
  await company.next()
  await company.course('materials')
  await id('course-consent-open').click()
  await page.getByText('吊销原因:不再使用').waitFor() // the very words that are signed
  await id(`key-card-${key.serial}`).getByRole('radio').check()
  await company.look('request')
  await id('wizard-key-next').click()
  await id('course-consent-sign').click()
  await id('course-consent-signed').waitFor({ timeout: 60_000 })
  await company.look('request-signed')
  await company.next()
  await company.course('confirm') // no paper was handed in
  await company.next()
  await company.stage('review')
  const number = await company.number()

  company.say('a reviewer binds a key')
  const reviewer = await company.desk('reviewer', '/admin/me')
  const desk = (one) => reviewer.getByTestId(one)
  await desk('pairing-start').click()
  staffAgent.start((await desk('pairing-code').innerText()).trim())
  await desk(`key-card-${staffKey.serial}`).getByRole('radio').check()
  await company.look('bind', reviewer)
  await desk('bind-start').click()
  await desk('key-bound').waitFor({ timeout: 60_000 })

  company.say('before a second person confirms it, no decision is taken')
  await reviewer.goto('/admin/review')
  await desk(`review-open-${number}`).click()
  await desk('review-claim').click()
  await decide()
  await reviewer.locator('[data-testid=decision-problem][data-code=staff_key_required]').waitFor()
  await company.look('unconfirmed', reviewer)

  company.say('a security administrator confirms the key')
  const security = await company.desk('security', '/admin/staff')
  await security.getByTestId(`key-agree-${staffKey.id}`).waitFor()
  await company.look('confirm', security)
  await security.getByTestId(`key-agree-${staffKey.id}`).click()
  await security.getByTestId(`key-agree-${staffKey.id}`).waitFor({ state: 'detached' })

  company.say('unsigned, a decision is refused; signed in the browser, it stands')
  const { items: waiting } = await company.office('reviewer', 'GET', `/admin/applications?search=${number}`)
  const bare = await reviewer.request.post(`/api/v1/admin/applications/${waiting[0].id}/decisions`, { headers: { Origin: server.dev.url }, data: { decision: 'approve' } })
  assert.deepEqual([bare.status(), (await bare.json()).code], [403, 'staff_key_required'])
  const asked = staffAgent.questions()
  await reviewer.reload()
  await decide(true)
  await desk('review-list').waitFor({ timeout: 60_000 }) // nothing else waits
  assert.equal(staffAgent.questions() - asked, 1, 'the PIN is asked for once')
  await page.reload()
  await company.stage('end')
  await id('stage-done').waitFor()
  await page.goto('/account/certificates')
  await page.locator(`[data-testid=certificate-state-${serial}][data-state=revoked]`).waitFor()

  async function decide(shot) {
    await desk('review-approve').click()
    await desk('decision-text').getByText(number).waitFor()
    await desk('decision-sign').waitFor()
    if (shot) await company.look('decision', reviewer)
    await desk('decision-submit').click()
  }
})
