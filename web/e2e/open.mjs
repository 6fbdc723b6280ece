// What is open without a login: how an application stands, putting a lost key's certificates on hold, asking for a registered number with the
// licence, which who answers sees page by page. Run by scripts/test with its neighbours. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { outbox, settled } from './rig.mjs'
import { startCompany } from './parts/company.mjs'
import { pdf } from './parts/pdf.mjs'

const password = 'Open-2026'
const company = await startCompany('open')
const { server } = company
const quiet = { log: '', stop: () => Promise.resolve() } // no agent is needed

await company.run(quiet, [password], async () => {
  const visitor = await company.tab()
  const id = (one) => visitor.getByTestId(one)
  const texts = async (phone) => (await outbox(server, phone)).map(({ text }) => text)

  /** The form in front of every code: a number where it is asked for, the phone, the image. */
  async function asks(form, number, phone) {
    if (number) await id(`${form}-number`).fill(number)
    await id(`${form}-phone`).fill(phone)
    await company.captcha(visitor)
    await id(`${form}-send`).click()
    await id(`${form}-sent`).waitFor()
  }

  company.say('申请进度查询: nobody learns which numbers there are')
  await company.enter('擎洲测试投标人6', '13858011086', password)
  const { number } = await company.mine('POST', '/applications', { kind: 'new', projectSlug: 'jhggzy' })
  await visitor.goto('/p/jhggzy')
  await id('login-progress').click()
  await company.look('progress-ask', visitor)
  await asks('progress', 'XL20200101000001', '13912340009')
  assert.deepEqual(await texts('13912340009'), [])
  await id('progress-code').fill('123456')
  await id('progress-submit').click()
  await id('progress-problem').waitFor()
  await company.look('progress-wrong', visitor)

  company.say('申请进度查询: the contact on record reads how it stands')
  await visitor.goto('/progress')
  await asks('progress', number, '13858011083') // as long as nobody proved to be the holder, the old contact hears of everything
  await id('progress-code').fill(await company.code('13858011083'))
  await id('progress-submit').click()
  await visitor.locator('[data-testid=progress-state][data-state=draft]').waitFor()
  await id('wizard-timeline').waitFor()
  await company.look('progress-found', visitor)
  assert.ok(!(await visitor.locator('main, .page').first().innerText()).includes('擎洲'), 'it says whose it is')

  company.say('挂失: by the number and a phone on record')
  const bidder = server.dev.legacy.find((one) => one.name === '演示建设集团有限公司')
  await visitor.goto('/login')
  await id('login-suspend').click()
  await company.look('suspend-ask', visitor)
  await asks('suspend', bidder.login, '13900000003')
  await id('suspend-code').fill(await company.code('13900000003'))
  await id('suspend-look').click()
  const choice = visitor.locator('[data-testid^=suspend-] input[type=checkbox], input[data-testid^=suspend-]').first()
  await choice.waitFor()
  await choice.check()
  await company.look('suspend-choose', visitor)
  await id('suspend-submit').click()
  await id('suspend-confirm').click()
  await id('suspend-done').waitFor()
  await company.look('suspend-done', visitor)
  assert.ok((await texts('13900000003')).some((text) => text.includes('已挂失')), 'the holder was not told')

  company.say('找回登记证件号: a licence of three pages comes along')
  await visitor.goto('/number')
  await asks('number', '', '13912340008')
  await id('number-code').fill(await company.code('13912340008'))
  await id('number-name').fill('擎洲测试投标人6')
  await visitor.locator('input[data-testid=number-licence]').setInputFiles({ name: '营业执照.pdf', mimeType: 'application/pdf', buffer: pdf(['PAGE ONE', 'PAGE TWO', 'PAGE THREE']) })
  await id('number-licence-chosen').waitFor()
  await company.look('number-licence', visitor)
  await id('number-submit').click()
  await id('number-done').waitFor()

  company.say('工单: who answers reads the licence page by page')
  const window = await company.desk('reviewer', '/admin/tickets')
  const at = (one) => window.getByTestId(one)
  await window.locator('[data-testid^=ticket-licence-]').first().click()
  const drawn = (what) => window.locator(`[data-testid=viewer-pdf] canvas[data-drawn="${what}"]`).waitFor()
  await drawn('1/0/1')
  const width = () => window.locator('[data-testid=viewer-pdf] canvas').evaluate((canvas) => canvas.width / canvas.height)
  const upright = await width()
  await settled(window)
  await company.look('ticket-licence', window)
  await at('viewer-page-after').click()
  await drawn('2/0/1')
  assert.equal(await at('viewer-page').innerText(), '第 2 / 3 页')
  await at('viewer-right').click()
  await drawn('2/90/1')
  assert.ok((await width()) > 1 && upright < 1, 'the page was not turned')
  await at('viewer-nearer').click()
  await drawn('2/90/1.5')
  await company.look('ticket-licence-turned', window)
  await at('ticket-answer').fill('贵单位登记的证件号以 9133 开头，请按营业执照输入')
  await at('ticket-submit').click()
  await at('ticket-submit').waitFor({ state: 'detached' })
  assert.ok((await texts('13912340008')).some((text) => text.includes('已答复')), 'who asked was not answered')
})
