// Unlocking as people do it, in a real browser: apply, review, a new PIN in the agent's window, the PIN changed, the register.
// Run by scripts/test after walk.mjs. SHOTS=folder keeps screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, outbox, startWalk, still, until } from './rig.mjs'

const phone = '13858011085'
const password = 'Unlock-2026'
const [newPin, newerPin] = ['830617', '519274']

const { server, say, tab, desk, enter, look: lookAt, run } = await startWalk('unlock')
const holder = server.dev.legacy.find((one) => one.name === '杭州田谷')
const token = server.dev.tokens.find((one) => one.dir.endsWith('tiangu-locked'))
const agent = new Agent(server, newPin)
const page = await tab()
const id = (name) => page.getByTestId(name)

await run(async () => {
  say('a legacy holder comes with a locked key')
  await enter(page, holder, phone, password)

  say('解锁 in the row asks first; 取消 leaves everything as it is')
  await page.goto('/account/certificates')
  const unlock = page.locator('[data-testid^=certificate-unlock-]').first()
  await unlock.click()
  await page.getByText('是否确认提交此证书的解锁申请?').waitFor()
  await look('confirm')
  await id('unlock-cancel').click()
  await page.getByText('是否确认提交此证书的解锁申请?').waitFor({ state: 'detached' })
  await apply()
  await look('apply')

  say('without a code it waits for review; 解锁 leads back to it')
  await id('unlock-without-code').click()
  await place('review')
  await look('review')
  const number = (await id('unlock-number').innerText()).trim()
  await page.goto('/account/certificates')
  await apply(false)
  await place('review')
  assert.equal((await id('unlock-number').innerText()).trim(), number, 'one application, not two')

  say('the reviewer must give a reason, and the holder reads it')
  const reviewer = await desk('reviewer', '/admin/unlocks')
  await reviewer.getByTestId(`review-reject-${number}`).click()
  await reviewer.getByTestId('decision-note').waitFor()
  await still(reviewer)
  await reviewer.getByTestId('decision-submit').click()
  await reviewer.locator('.ant-form-item-explain-error').waitFor()
  await reviewer.getByTestId('decision-note').fill('请补充经办人身份证明')
  await look('reject', reviewer)
  await reviewer.getByTestId('decision-submit').click()
  await reviewer.getByTestId('review-decided').waitFor()
  await id('unlock-note').getByText('请补充经办人身份证明').waitFor()
  await look('rejected')

  say('applied again and approved: the page goes on by itself')
  await id('unlock-again').click()
  await id('unlock-without-code').click()
  await place('review')
  const second = (await id('unlock-number').innerText()).trim()
  await reviewer.reload()
  await reviewer.getByTestId(`review-approve-${second}`).waitFor()
  await look('queue', reviewer)
  await reviewer.getByTestId(`review-approve-${second}`).click()
  await reviewer.getByTestId('decision-submit').click()
  await reviewer.getByTestId('review-decided').waitFor()
  await place('agent')
  await look('agent')

  say('another key is plugged in: the page names the right one and waits for it')
  const away = join(server.home, 'pulled')
  renameSync(token.dir, away)
  await id('pairing-start').click()
  agent.start((await id('pairing-code').innerText()).trim())
  await place('key')
  await id('unlock-other-key').waitFor()
  await look('other-key')
  renameSync(away, token.dir)
  await place('act')
  await look('ready')

  say('the dialogue is closed, then the key is pulled out: each said in words, the approval stays')
  agent.pin('CANCEL')
  await id('unlock-start').click()
  await refusal('pin_cancelled')
  agent.pin()
  const asked = agent.questions()
  await id('unlock-start').click()
  await until(() => agent.questions() > asked, 'the dialogue')
  await id('job-progress').getByText('请在 UKey 助手窗口输入两次新 PIN').waitFor()
  await look('asking')
  renameSync(token.dir, away)
  agent.pin(newPin)
  await refusal('key_pulled')
  await place('key')
  renameSync(away, token.dir)
  await place('act')

  say('the new PIN is typed twice in the agent’s window')
  agent.pin(newPin, '111222', newPin, newPin) // the repetition differs at first
  await id('unlock-start').click()
  await id('unlock-done').waitFor({ timeout: 60_000 })
  await look('done')

  say('the PIN works: it is changed on the key’s page')
  await page.goto(`/account/tokens`)
  await id(`token-open-${token.serial}`).click()
  await page.locator('[data-testid=pin-start]:enabled').waitFor()
  await look('pin-change')
  agent.pin(newerPin, newerPin, '000999', newPin) // the present one mistyped once: the agent asks again
  await id('pin-start').click()
  await id('pin-changed').waitFor({ timeout: 60_000 })
  await look('pin-changed')

  say('the operator’s register shows the key and that its officer’s PIN has moved on; in English too')
  const operator = await desk('operator', '/admin/tokens')
  await operator.getByTestId('register-search-text').fill('LOCK')
  await operator.getByTestId('register-search-submit').click()
  await operator.locator(`[data-testid="register-state-${token.serial}"][data-state=active]`).waitFor()
  await operator.getByText('SIM-BLANK001').waitFor({ state: 'detached' })
  await look('register', operator)
  await operator.getByText('English').first().click()
  await operator.getByText('in custody').first().waitFor()
  await look('register-en', operator)

  say('the key is proved, so the account is verified; then a right code approves at once')
  agent.pin(newerPin)
  await page.goto('/account/profile')
  await id('profile-prove').click()
  await id(`key-card-${token.serial}`).getByRole('radio').check()
  await id('profile-prove-start').click()
  await page.locator('[data-testid=profile-state][data-state=verified]').waitFor({ timeout: 60_000 })
  await page.goto('/account/certificates')
  await apply()
  const code = await unlockCode()
  await id('unlock-code').fill(code === '000000' ? '111111' : '000000')
  await id('unlock-submit').click()
  await page.locator('[data-testid=unlock-problem][data-code=code_wrong]').waitFor()
  await id('unlock-code').fill(code)
  await id('unlock-submit').click()
  await place('act')
  await id('unlock-withdraw').click()
  await page.locator('.ant-modal-confirm-btns .ant-btn-primary').click()
  await id('unlock-withdrawn').waitFor()
  await look('withdrawn')

  for (const secret of [password, newPin, newerPin, code]) {
    assert.ok(!server.log().includes(secret), 'a secret stands in the server log')
    assert.ok(!agent.log.includes(secret), 'a secret stands in the agent log')
  }
}, [agent])

async function apply(fresh = true) {
  await page.locator('[data-testid^=certificate-unlock-]').first().click()
  await id('unlock-confirm').click()
  if (fresh) await id('unlock-apply').waitFor()
}

function place(name) {
  return page.locator(`[data-testid=unlock][data-place=${name}]`).waitFor({ timeout: 30_000 })
}

function refusal(code) {
  return page.locator(`[data-testid=unlock-problem][data-code=${code}]`).waitFor({ timeout: 60_000 })
}

/** The code for unlocking; the gateway's limit of one a minute may still hold from the code at the start, and the page says so. */
async function unlockCode() {
  await until(async () => {
    const answered = page.waitForResponse((response) => response.url().endsWith('/unlocks/code'))
    await id('unlock-send').click()
    if ((await answered).ok()) return true
    await page.locator('[data-testid=unlock-send-problem][data-code=sms_too_soon]').waitFor()
    return page.waitForTimeout(1_000)
  }, 'the next code')
  return (await outbox(server, phone))[0].text.match(/\d{6}/)[0]
}

function look(name, at = page) {
  return lookAt(name, at)
}
