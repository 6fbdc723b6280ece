// Sealed bids at the certificate, receipts, key recovery and the officers' page, in a real browser.
// Run by scripts/test after walk.mjs. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { startWalk } from './rig.mjs'

const phone = '13858011086'
const password = 'Receipts-2026'

const { server, say, tab, enter, look, run } = await startWalk('receipts')
const holder = server.dev.legacy.find((one) => one.name === '杭州田谷')
const page = await tab()
const id = (name) => page.getByTestId(name)

await run(async () => {
  say('a legacy holder comes')
  await enter(page, holder, phone, password)

  say('a sealed bid of one\'s own is registered at the certificate and taken off')
  await page.goto('/account/certificates')
  const { items } = await (await page.request.get('/api/v1/certificates')).json()
  await page.goto(`/account/certificates/${items[0].id}`)
  await id('seals-none').waitFor()
  await id('seal-add').click()
  await id('seal-name').fill('城东学校一期施工')
  await page.locator('#seal_opensAt').fill(soon())
  await page.locator('#seal_opensAt').press('Enter')
  await id('seal-save').click()
  await id('seal').getByText('城东学校一期施工').waitFor()
  await look('seals', page)
  await id('seal-remove').click()
  await id('seal').getByText('已解除').waitFor()

  say('receipts and recoveries that are not there yet say so')
  await page.goto('/account/receipts')
  await id('receipts-empty').waitFor()
  await look('receipts', page)
  await page.goto('/account/recoveries')
  await id('recoveries-empty').waitFor()
  await id('recovery-ask').click()
  await id('recovery-none').waitFor()
  await look('recoveries', page)

  say('the bell leads to the messages, of which there are none yet')
  await page.goto('/account/home')
  await id('bell').click()
  await id('notices-empty').waitFor()
  await look('notices', page)

  say('officers have a page without an account')
  const officer = await tab()
  await officer.goto('/kmc')
  await officer.getByTestId('officer-connect').waitFor()
  await officer.getByTestId('officer-other').locator('summary').click()
  await officer.getByTestId('officer-id').fill('op1')
  assert.match(await officer.getByTestId('officer-statement').innerText(), /^signet kmc docket 1\nofficer 3:op1\nat 20:/)
  await look('officer', officer)
})

/** Tomorrow at ten, as the field takes it. */
function soon() {
  const day = new Date(Date.now() + 24 * 3600 * 1000)
  const two = (n) => String(n).padStart(2, '0')
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())} 10:00`
}
