// Content by two persons: a manager changes a project's announcement and price, looks at the preview, submits, and cannot publish it herself; another
// person sees what differs and publishes; the public page shows it then and not before. The other kinds are looked at.
import assert from 'node:assert/strict'
import { startWalk } from './rig.mjs'

const { tab, desk, look, run, say } = await startWalk('content')

const words = '国庆期间照常办理，另有值班电话。'

await run(async () => {
  say('a manager opens the project and changes announcement and price; the preview goes along')
  const manager = await desk('manager', '/admin/content')
  const her = (id) => manager.getByTestId(id)
  await look('list', manager)
  await her('content-open-jhggzy').click()
  await her('content-begin').click()
  await her('content-notice').fill(words)
  await her('content-price').fill('188')
  await her('content-preview').getByText(words).waitFor()
  await her('content-note').fill('国庆值班')
  await look('editor', manager)
  await her('content-save').click()
  await her('content-change-notice').getByText(words).waitFor()
  await her('content-change-priceCents').getByText('¥188.00').waitFor()
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
})
