// One person who acts for two companies, in a real browser: invited by the second with the phone that the first knows, joining, switching,
// a list that differs, and a tab that was left behind. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { outbox, until } from './rig.mjs'
import { startCompany } from './parts/company.mjs'

const phone = '13712360001'
const ownerPhone = '13712360002'
const password = 'Group-2026-ok'
const { server, page, id, mine, enter, say, tab, look, run, call } = await startCompany('organisations')
const [first, second] = ['杭州田谷', '演示建设集团有限公司']
const linkIn = (messages) => messages.map(({ text }) => /\/join#[\w-]+/.exec(text)?.[0]).find(Boolean)

await run([], [password], async () => {
  say('two companies, each with a handler of its own')
  await enter(first, phone, password)
  const owner = await tab()
  await enter(second, ownerPhone, password, owner)
  const { items: mineFirst } = await mine('GET', '/certificates')

  say('with one organisation nothing in the bar asks for whom one acts')
  await page.goto('/account/certificates')
  await id('greeting').waitFor()
  assert.equal(await id('acting').count(), 0)

  say('the second company invites the phone that has an account')
  await owner.goto('/account/members')
  await owner.getByTestId('invite-name').fill('周敏')
  await owner.getByTestId('invite-phone').fill(phone)
  await owner.getByTestId('invite-submit').click()
  await owner.getByTestId('invite-done').waitFor()
  const link = await until(async () => linkIn(await outbox(server, phone)), 'the invitation')

  say('the link asks for a login, and joins whoever is logged in with that phone')
  const stranger = await tab()
  await stranger.goto(link)
  await stranger.getByTestId('join-known-login').waitFor()
  await look('join-login', stranger)
  await stranger.context().close()
  const left = await page.context().newPage() // a tab of the first company, in the same browser
  await left.goto('/account/members')
  await left.getByTestId('serving').waitFor()
  await look('members', left)
  await page.goto(link)
  await id('join-known-submit').waitFor()
  await look('join', page)
  await id('join-known-submit').click()
  await page.waitForURL('**/account/home')
  await id('acting').getByText(second).waitFor()

  say('the tab that was left behind says so, and the server takes nothing from it')
  await left.getByTestId('stale').waitFor()
  await look('stale', left)
  const refused = await left.evaluate(async (organisation) => {
    const answer = await fetch('/api/v1/profile/name', { method: 'POST', headers: { 'Content-Type': 'application/json', 'Signet-Organisation': organisation }, body: '{"displayName":"x"}' })
    return [answer.status, (await answer.json()).code]
  }, (await mine('GET', '/session/organisations')).items.find((one) => one.name.startsWith(first)).organisationId)
  assert.deepEqual(refused, [409, 'organisation_changed'])
  await left.getByTestId('stale-reload').click()
  await left.getByTestId('acting').getByText(second).waitFor()
  assert.equal(await left.getByTestId('stale').count(), 0)

  say('the certificates are those of the second company')
  const { organisationId } = await mine('GET', '/session')
  const [asked] = await Promise.all([page.waitForRequest((request) => request.url().includes('/api/v1/certificates')), page.goto('/account/certificates')])
  assert.equal(await asked.headerValue('signet-organisation'), organisationId, 'the page says for which organisation it was loaded')
  await id('acting').waitFor()
  await look('second', page)
  const { items: mineSecond } = await mine('GET', '/certificates')
  assert.ok(mineSecond.every((one) => !mineFirst.some(({ id: known }) => known === one.id)), 'certificates of both')
  const other = await page.request.get(`/api/v1/certificates/${mineFirst[0].id}`)
  assert.equal(other.status(), 404)

  say('by keyboard back to the first')
  await id('acting').focus()
  await page.keyboard.press('Enter')
  await id('served').waitFor()
  await look('switch', page)
  const back = page.getByTestId(/^served-/).filter({ hasText: first }).getByRole('button')
  await back.focus()
  await page.keyboard.press('Enter')
  await id('acting').getByText(first).waitFor()
  await left.getByTestId('stale').waitFor()
  assert.equal((await page.request.get(`/api/v1/certificates/${mineFirst[0].id}`)).status(), 200)

  say('removed by the second, one goes on for the first')
  await left.close()
  const { items: people } = await call(owner, 'GET', '/members')
  await call(owner, 'DELETE', `/members/${people.find((one) => !one.self).id}`)
  await page.goto('/account/members')
  await id('serving').waitFor()
  assert.equal(await id('acting').count(), 0)

  say('and asks to be let in again')
  await id('ask-number').fill('91990000MA0000015Q')
  await id('ask-submit').click()
  await id('ask-problem').waitFor()
  await look('asking', page)
})
