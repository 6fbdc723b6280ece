// The stock of USB keys in a real browser: registered from a file, counted by model and state, lost, found and scrapped with a reason.
// SHOTS=folder keeps the screenshots.
import assert from 'node:assert/strict'
import { settled, startWalk } from './rig.mjs'

const { say, desk, look, run } = await startWalk('stock')

await run(async () => {
  const page = await desk('operator')
  const state = (serial, wanted) => page.locator(`[data-testid="register-state-${serial}"][data-state="${wanted}"]`).waitFor()

  say('a file with a line that cannot be read registers nothing')
  await page.goto('/admin/tokens')
  await page.getByTestId('register-sheet').click()
  await page.getByTestId('sheet-file').setInputFiles({ name: 'keys.csv', mimeType: 'text/csv', buffer: Buffer.from('编号,型号\nKC-1,龙脉 GM3000\n,龙脉 GM3000\n') })
  await page.getByTestId('sheet-state').getByText('第 3 行').waitFor()
  assert.ok(await page.getByTestId('sheet-submit').isDisabled())
  await settled(page)
  await look('sheet', page)

  say('three keys are registered, and counted by model')
  await page.getByTestId('sheet-file').setInputFiles({ name: 'keys.csv', mimeType: 'text/csv', buffer: Buffer.from('\uFEFF编号,型号,名称\r\nKC-1,龙脉 GM3000,"一号, 备用"\r\nKC-2,龙脉 GM3000,\r\nKC-3,飞天 ePass,\r\n') })
  await page.getByTestId('sheet-submit').click()
  await page.getByTestId('register-said').getByText('3').waitFor()
  await page.getByTestId('stock-龙脉 GM3000-blank').getByText('2').waitFor()

  say('a number shows those keys, and the address keeps it')
  await page.getByTestId('stock-龙脉 GM3000-blank').click()
  await page.getByTestId('register-model').waitFor()
  await state('KC-1', 'blank')
  await page.reload()
  await state('KC-2', 'blank')
  assert.equal(await page.getByTestId('register-state-KC-3').count(), 0)
  await settled(page)
  await look('register', page)

  say('a key is lost, and found again where it was; one is scrapped for good')
  const move = async (serial, what, note) => {
    await page.getByTestId(`register-move-${serial}`).click()
    await page.getByTestId(`move-${what}`).click()
    await page.getByTestId('move-note').fill(note)
    if (what === 'lost') await look('move', page)
    await page.getByTestId('move-submit').click()
    await page.getByTestId('move-submit').waitFor({ state: 'detached' })
  }
  await page.goto('/admin/tokens?find=KC-')
  await move('KC-1', 'lost', '盘点未见')
  await state('KC-1', 'lost')
  await move('KC-1', 'found', '在抽屉里')
  await state('KC-1', 'blank')
  await move('KC-3', 'scrapped', '外壳破损')
  await state('KC-3', 'scrapped')
  await page.getByTestId('stock-飞天 ePass-scrapped').waitFor()
  assert.equal(await page.getByTestId('register-move-KC-3').count(), 0)
})
