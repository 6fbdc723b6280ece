// Content by two persons: a manager changes a project's announcement and price, looks at the preview, submits, and cannot publish it herself; another
// person sees what differs and publishes; the public page shows it then and not before. The other kinds are looked at. A new agreement is asked
// of a company at its next login; days that are closed and questions that are added reach it.
import assert from 'node:assert/strict'
import { Agent } from './rig.mjs'
import { startCompany } from './parts/company.mjs'

const { server, tab, desk, look, run, say, page, id, enter, login, office, mine } = await startCompany('content')
const phone = '13857900061'
const password = 'Content-Pass-1'

/** Drafted and submitted by the manager, published by the administrator. */
async function publish(kind, key, document) {
  const at = `/admin/content/${kind}/${key}`
  const { draft } = await office('manager', 'PUT', `${at}/draft`, { document: JSON.stringify(document), revision: 0 })
  await office('manager', 'POST', `${at}/draft/moves`, { act: 'submit', revision: draft.revision })
  await office('admin', 'POST', `${at}/draft/moves`, { act: 'publish', revision: draft.revision })
}

/** The day in China. */
const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
const words = '国庆期间照常办理，另有值班电话。'

await run(new Agent(server, ''), [password], async () => {
  say('a manager opens the project and changes announcement and price; the preview goes along')
  const manager = await desk('manager', '/admin/content')
  const her = (id) => manager.getByTestId(id)
  await look('list', manager)
  await her('content-open-jhggzy').click()
  await her('content-begin').click()
  await her('content-notice').fill(words)
  await her('content-price').fill('188')
  await her('content-renew-days').fill('60')
  await her('content-closed-add').click()
  await manager.getByLabel('首日 1').fill(today)
  await manager.getByLabel('末日 1').fill(today)
  await manager.getByLabel('原因 1').fill('系统维护')
  await her('content-preview').getByText(words).waitFor()
  await her('content-note').fill('国庆值班')
  await look('editor', manager)
  await her('content-save').click()
  await her('content-change-notice').getByText(words).waitFor()
  await her('content-change-priceCents').getByText('¥188.00').waitFor()
  await her('content-change-windows.renewDays').getByText('60').waitFor()
  await her('content-submit').click()
  await manager.locator('[data-testid=content-draft][data-state=submitted]').waitFor()
  assert.equal(await her('content-publish').count(), 0, 'the author is not offered to publish')
  const own = await manager.evaluate(async () => {
    const at = '/api/v1/admin/content/project/jhggzy'
    const { draft } = await (await fetch(at)).json()
    const answer = await fetch(`${at}/draft/moves`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ act: 'publish', revision: draft.revision }) })
    return (await answer.json()).code
  })
  assert.equal(own, 'second_person')

  say('the public page is as it was')
  const visitor = await tab()
  await visitor.goto('/p/jhggzy')
  await visitor.getByTestId('contact').waitFor()
  assert.equal(await visitor.getByText(words).count(), 0)

  say('another person sees what differs, and publishes')
  const second = await desk('admin', '/admin/content/project/jhggzy')
  const his = (id) => second.getByTestId(id)
  await his('content-change-notice').getByText(words).waitFor()
  await look('differences', second)
  await his('content-publish').click()
  await his('content-draft').waitFor({ state: 'detached' })
  await his('content-version-2').click()
  await his('content-history').getByTestId('content-change-notice').getByText(words).waitFor()
  await look('published', second)

  say('the public page shows it')
  await visitor.reload()
  await visitor.getByText(words).waitFor()
  await visitor.getByText('188.00').first().waitFor()

  say('holidays that nobody compared say so; a notice lists its places and refuses others')
  await second.goto('/admin/content?kind=holidays')
  await his('content-missing-years').getByText('2026').waitFor()
  await look('calendar', second)
  await second.goto('/admin/content/holidays/2027')
  await his('content-unverified').waitFor()
  await his('content-begin').click()
  await his('content-days').waitFor()
  await look('holidays', second)
  await second.goto('/admin/content/notice/sms_code')
  await his('content-begin').click()
  await his('content-zh').fill('验证码 {code}，{nothing}')
  await his('content-save').click()
  await his('content-wrong').getByText('{nothing}').waitFor()
  await look('notice', second)
  await second.goto('/admin/content?kind=agreement')
  await his('content-open-registration').click()
  await his('content-begin').click()
  await his('content-agreement-text').waitFor()
  await look('agreement', second)

  say('a new agreement: who is at work goes on, and accepts it at the next login before anything else')
  await page.goto('/')
  await enter('擎洲测试投标人6', phone, password)
  await publish('agreement', 'registration', { version: '2027-01', title: '数字证书自助服务协议', text: '一、服务内容。本次更新：电子发票。\n二、其他条款不变。' })
  await mine('GET', '/services')
  await mine('DELETE', '/session')
  await page.goto('/p/jhggzy')
  await login(page, phone, password)
  await id('agreement-text').getByText('电子发票').waitFor()
  assert.equal((await page.request.get('/api/v1/services')).status(), 403)
  await page.goto('/account/orders')
  await id('agreement-submit').click()
  await page.getByText('请先阅读并同意服务协议').waitFor()
  await look('agreement-anew')
  await id('agreement-agree').check()
  await id('agreement-submit').click()
  await page.waitForURL('**/account/orders')
  assert.equal((await mine('GET', '/profile')).agreement, '2027-01')

  say('what is closed today says so, and is not taken')
  await page.goto('/account/apply')
  await id('apply-closed').getByText('系统维护').waitFor()
  await look('closed')
  const { items } = await mine('GET', '/certificates')
  const refused = await page.request.post('/api/v1/applications', { headers: { Origin: server.dev.url }, data: { kind: 'renew', certificateId: items[0].id } })
  assert.equal((await refused.json()).code, 'applications_closed')

  say('what the project asks more is in the wizard, held to its type, and before the reviewer')
  const { live } = await office('manager', 'GET', '/admin/content/project/jhggzy')
  const project = JSON.parse(live)
  project.materials.change_legal = []
  project.fields.change_legal = [
    { key: 'grade', zh: '资质等级', en: 'Grade', type: 'choice', required: true, helpZh: '以资质证书为准', helpEn: '', choices: [{ zh: '一级', en: 'First' }, { zh: '二级', en: 'Second' }] },
    { key: 'capital', zh: '注册资本（万元）', en: 'Capital', type: 'number', required: false, helpZh: '', helpEn: '' },
  ]
  await publish('project', 'jhggzy', project)
  await second.goto('/admin/content/project/jhggzy')
  await his('content-begin').click()
  await second.locator('summary', { hasText: '表单补充项目' }).click()
  await his('content-fields-change_legal').waitFor()
  await look('fields', second)
  const { id: applicationId } = await mine('POST', '/applications', { kind: 'change_legal', certificateId: items[0].id })
  await page.goto(`/account/applications/${applicationId}?step=form`)
  await id('course-legalRep').fill('李四')
  await id('course-next').click()
  await id('course-grade-problem').waitFor()
  await id('course-grade').click()
  await page.locator('.ant-select-item-option[title=二级]').evaluate((one) => one.click()) // where it is: the list moves with the page
  await id('course-capital').fill('五百')
  await id('course-next').click()
  await id('course-capital-problem').waitFor()
  await look('asked')
  await id('course-capital').fill('500')
  await id('course-next').click()
  await page.locator('[data-testid=course]:not([data-step=form])').waitFor()
  await mine('POST', `/applications/${applicationId}/submit`, {})
  const reviewer = await desk('reviewer', '/admin/review')
  await reviewer.goto(`/admin/review/${applicationId}`)
  await reviewer.getByTestId('review-answer-grade').getByText('二级').waitFor()
  await look('answers', reviewer)
})
