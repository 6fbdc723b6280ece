// Notices in a real browser: where one is told of what, in which language, and a webhook whose test delivery a server of the walk's own
// receives, its signature checked. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { startWalk, until } from './rig.mjs'

const phone = '13712350001'
const { server, say, tab, enter, look, run } = await startWalk('notices')
const page = await tab()
const id = (name) => page.getByTestId(name)

const got = []
const receiver = createServer((request, answer) => {
  let body = ''
  request.on('data', (part) => (body += part))
  request.on('end', () => {
    got.push({ headers: request.headers, body, path: request.url })
    answer.writeHead(204).end()
  })
})
await new Promise((done) => receiver.listen(0, '127.0.0.1', done))

await run(async () => {
  try {
    await steps()
  } finally {
    receiver.close()
    receiver.closeAllConnections()
  }
})

async function steps() {
  say('我的消息 leads to the settings')
  await enter(page, server.dev.legacy.find((one) => one.name === '杭州田谷'), phone, 'Notices-2026')
  await page.goto('/account/notices')
  await id('to-settings').click()
  await id('preferences').waitFor()
  assert.equal(await id('choice-security-portal').isDisabled(), true)
  await id('choice-order-sms').uncheck()
  await id('choice-security-sms').uncheck()
  assert.equal(await id('choice-security-mail').isDisabled(), true)
  await page.getByText('English', { exact: true }).last().click()
  await look('settings', page)
  await id('preferences-save').click()
  await id('preferences-saved').waitFor()
  await page.reload()
  await id('preferences').waitFor()
  assert.equal(await id('choice-order-sms').isChecked(), false)
  assert.equal(await id('choice-order-portal').isChecked(), true)
  assert.equal(await page.locator('input[value="en-US"]').isChecked(), true)

  say('a webhook is registered; an address inside is not taken')
  await page.goto('/account/webhooks')
  await id('webhooks-empty').waitFor()
  await id('webhook-url').fill('https://169.254.169.254/latest')
  await id('webhook-add').click()
  await id('webhook-problem').waitFor()
  await id('webhook-url').fill(`http://127.0.0.1:${receiver.address().port}/signet`)
  await id('webhook-add').click()
  await id('webhooks').waitFor()
  const secret = await id('webhook-secret').textContent()
  assert.match(secret, /^whsec_/)
  await look('webhooks', page)

  say('the test arrives, signed')
  await id('webhook-test').click()
  await until(() => got.length > 0, 'the delivery')
  const { headers, body, path } = got[0]
  const signed = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64')
  assert.equal(headers['webhook-signature'], `v1,${signed}`)
  assert.equal(JSON.parse(body).type, 'webhook.test')
  assert.equal(path, '/signet')
  await id('webhook-again').waitFor()
  await look('deliveries', page)

  say('sent once more under the same id')
  await id('webhook-again').click()
  await until(() => got.length > 1, 'the second delivery')
  assert.equal(got[1].headers['webhook-id'], headers['webhook-id'])

  say('paused and removed')
  await id('webhook-switch').click()
  await until(() => id('webhook-test').isDisabled(), 'the webhook to be paused')
  await id('webhook-remove').click()
  await page.locator('.ant-modal-confirm-btns .ant-btn-primary').click()
  await id('webhooks-empty').waitFor()
}
