// The back office, seen by every role in a real browser: each section opens at both widths without an error; a certificate is found and
// suspended, two people stop and resume issuing, the audit record is verified. SHOTS=folder keeps the screenshots.
import assert from 'node:assert/strict'
import { settled, startWalk } from './rig.mjs'

const { server, say, desk, look: lookAt, run } = await startWalk('office')
let page

await run(async () => {
  const seen = new Set()
  for (const { role } of server.dev.accounts.filter((one) => one.role !== 'holder')) {
    say(`${role}: every section that the menu shows`)
    page = await desk(role)
    const links = await page.locator('nav a').evaluateAll((all) => all.map((a) => a.getAttribute('href')))
    assert.ok(links.length > 0, `${role} has sections`)
    for (const link of links.filter((one) => !seen.has(one))) {
      seen.add(link)
      await page.locator(`nav a[href="${link}"]`).click()
      await page.locator(`nav a[href="${link}"][aria-current=page]`).waitFor() // until then the section before is shown
      await page.locator('main h1').first().waitFor()
      await settled(page)
      await look(link.split('/').pop())
    }
    if (role === 'admin') await ask('演练:怀疑签发密钥异常')
    if (role === 'security') await agree('stop')
    if (role === 'auditor') await audit()
    if (role === 'auditor') await profiles()
    if (role !== 'security') await page.context().close()
  }

  say('another person asks to resume, and two have agreed again')
  page = await desk('admin')
  await page.goto('/admin/operations')
  await page.getByTestId('stop-banner').waitFor()
  await look('stopped')
  await ask('演练结束')
  page = await desk('security')
  await agree('resume')

  say('a certificate is found by the name of its holder, and its page tells all of it')
  page = await desk('operator')
  await page.goto('/admin/certificates')
  const serial = '74C2008800000AE9'
  await page.getByTestId('inventory-value').fill('擎洲')
  await page.getByTestId('inventory-search').click()
  await page.getByTestId(`inventory-${serial}`).click()
  await page.getByTestId('certificate').waitFor()
  await settled(page)
  await look('certificate')
})

async function ask(reason) {
  say('a system administrator asks to change whether certificates are issued; nothing changes yet')
  await page.goto('/admin/operations')
  const before = await page.getByTestId('issuance-state').textContent()
  await page.getByTestId('issuance-reason').fill(reason)
  await page.getByTestId('issuance-ask').click()
  await page.getByTestId('issuance-open').waitFor()
  assert.equal(await page.getByTestId('issuance-state').textContent(), before)
  await page.getByTestId('issuance-confirm').click() // the same person may not agree
  await page.locator('[data-testid=problem], .ant-alert-error').first().waitFor()
  await look('stop-asked')
}

async function agree(what) {
  say(`a security administrator agrees: ${what}`)
  await page.goto('/admin/operations')
  await page.getByTestId('issuance-confirm').click()
  await page.getByTestId('issuance-open').waitFor({ state: 'detached' })
  await page.getByTestId('stop-banner').waitFor({ state: what === 'stop' ? 'visible' : 'detached' })
}

async function audit() {
  say('the auditor verifies the whole record, and finds who asked')
  await page.goto('/admin/audit')
  await page.getByTestId('audit-verify').click()
  await page.getByTestId('audit-holds').waitFor()
  await look('audit-verified')
}

async function profiles() {
  say('the auditor reads a profile in words, and sees the certificate that would be issued, and why another would not')
  await page.goto('/admin/profiles')
  await page.getByTestId('profile-org-sign').click()
  await page.getByTestId('profile-rules').getByText('数字签名').first().waitFor()
  await page.getByTestId('trial-example').click()
  await page.getByTestId('trial-run').click()
  await page.locator('[data-testid=trial-outcome][data-findings="0"]').getByText('91990000MA0000015Q').first().waitFor()
  await look('profile')
  await page.getByTestId('trial-uscc').fill('91990000MA0000015P') // the check digit is wrong
  await page.getByTestId('trial-outcome').waitFor({ state: 'detached' })
  await page.getByTestId('trial-run').click()
  await page.locator('[data-testid=trial-outcome][data-findings="1"]').waitFor()
  await page.getByTestId('trial-O').fill('')
  await page.getByTestId('trial-run').click()
  await page.getByTestId('trial-refused').waitFor()
  await look('profile-refused')
}

function look(name) {
  return lookAt(name, page)
}
