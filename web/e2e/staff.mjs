// The people who work here, in a real browser: an invitation, the first login with a password and TOTP, a phone bound and asked at the next
// login, a login cancelled on the phone, and a role that one security administrator asks for and another confirms. SHOTS=folder keeps
// screenshots at 1280 and 360 px.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { root, startWalk, totp } from './rig.mjs'

const password = 'Reviewer-2026'

const { server, say, tab, login, look, run } = await startWalk('staff')
const demo = server.dev.accounts.find(({ role }) => role === 'security')
const boss = await tab()
const other = await tab()
const mine = await tab()
const phone = await tab({ width: 360, height: 780 })

await run(async () => {
  say('a security administrator logs in; signet dev says that a password is enough here')
  await enter(boss, demo.login, demo.password)
  await boss.getByTestId('dev-factor').waitFor()

  say('a reviewer is invited by a link that is shown once')
  await boss.getByTestId('office-staff').click()
  await boss.getByTestId('invite-login').fill('shen.he9')
  await boss.getByTestId('invite-name').fill('赵审核')
  await choose(boss, '审核员')
  await boss.getByTestId('invite-submit').click()
  const link = await shown(boss, 'invite-url')
  await look('people', boss)

  say("the first login: a password of one's own, TOTP, recovery codes")
  await mine.goto(link)
  await mine.getByTestId('join-password').fill(password)
  await mine.getByTestId('join-confirm').fill(password)
  await look('join', mine)
  await mine.getByTestId('join-submit').click()
  const secret = await shown(mine, 'enrol-secret')
  await look('enrol', mine)
  await mine.getByTestId('enrol-code').fill(totp(secret))
  await mine.getByTestId('enrol-submit').click()
  await mine.getByTestId('recovery-codes').waitFor()
  const codes = await mine.getByTestId('recovery-codes').locator('li').allInnerTexts()
  await look('recovery', mine)
  await mine.getByTestId('recovery-saved').click()
  await mine.getByTestId('office-me').waitFor()
  assert.equal(await mine.getByTestId('office-review').count(), 0, 'no role before somebody agreed')
  await phone.goto(link)
  await phone.locator('[data-code=invitation_over]').waitFor()

  say('the phone is bound: scanned, compared, confirmed with a code')
  await mine.getByTestId('office-me').click()
  await mine.getByTestId('factor-add-phone').click()
  await mine.getByTestId('phone-start').click()
  await phone.goto('about:blank') // as a camera opens a page: from nothing
  await phone.goto(await shown(mine, 'phone-url'))
  await phone.getByTestId('phone-name').fill('测试手机')
  await look('phone-bind', phone)
  await phone.getByTestId('phone-bind').click()
  await phone.getByTestId('phone-bound').waitFor()
  await look('phone-bound', phone)
  await mine.getByTestId('phone-found').waitFor()
  await mine.getByTestId('ask-code').fill(codes[0]) // the TOTP code of this half minute is used up
  await look('me-phone', mine)
  await mine.getByTestId('ask-submit').click()
  await mine.getByTestId('factor-phone').waitFor()
  await mine.getByRole('dialog').waitFor({ state: 'hidden' }) // it fades out
  await look('me', mine)

  say('the next login waits for the phone: cancelled there, asked again, confirmed; the desktop goes on by itself')
  await mine.getByTestId('logout').click()
  await enter(mine, 'shen.he9', password)
  await mine.getByTestId('second-step').waitFor()
  await look('second-code', mine)
  await mine.getByTestId('second-kind').getByText('手机扫码').click()
  await look('second-scan', mine)
  await scan()
  await look('phone-confirm', phone)
  await phone.getByTestId('phone-cancel').click()
  await phone.getByTestId('phone-decided').waitFor()
  await mine.getByTestId('scan-over').waitFor()
  await mine.getByTestId('scan-refresh').click()
  await scan()
  await phone.getByTestId('phone-login').click()
  await phone.getByTestId('phone-decided').waitFor()
  await mine.getByTestId('office-me').waitFor()

  say('the role asked for with the invitation is confirmed by another person, not by who asked')
  await boss.getByTestId('office-grants').click()
  await state(boss, 'requested')
  assert.equal(await boss.getByTestId('agree-shen.he9-reviewer').count(), 0, 'who asked does not confirm')
  await enter(other, 'an.quan9', operator('user', 'add', '-data', server.data, '-login', 'an.quan9', '-role', 'security'))
  await other.getByTestId('office-grants').click()
  await state(other, 'requested')
  await look('grants', other)
  await other.getByTestId('agree-shen.he9-reviewer').click()
  await state(other, 'active')
  await mine.reload()
  await mine.getByTestId('office-review').waitFor()

  say('a separated power beside another role is refused')
  await boss.getByTestId('office-staff').click()
  await boss.getByTestId('grant-shen.he9').click()
  await choose(boss, '审计管理员', boss.getByRole('dialog'))
  await boss.getByTestId('grant-reason').fill('兼任')
  await boss.getByTestId('grant-submit').click()
  await boss.getByTestId('grant-problem').waitFor()
  assert.equal(await boss.getByTestId('grant-problem').getAttribute('data-code'), 'powers_separated')
  await look('grant-refused', boss)
})

/** The first step of the back office: login, password, captcha. */
async function enter(at, user, secret) {
  await at.goto('/admin')
  await login(at, user, secret)
  await at.getByTestId('second-step').or(at.getByTestId('greeting')).first().waitFor()
}

/** A text that stands beside its button for copying; it may be folded away. */
async function shown(at, id) {
  const text = at.getByTestId(id)
  await text.waitFor({ state: 'attached' })
  return (await text.textContent()).trim()
}

async function choose(at, role, within = at) {
  await within.getByTestId('grant-role').click()
  const active = at.locator('.ant-select-dropdown:visible .ant-select-item-option-active')
  await active.waitFor()
  for (let n = 0; n < 20 && !(await active.innerText()).includes(role); n++) await at.keyboard.press('ArrowDown') // the list draws only what can be seen
  await at.keyboard.press('Enter')
}

async function state(at, wanted) {
  await at.locator(`[data-testid="grant-state-shen.he9-reviewer"][data-state=${wanted}]`).waitFor()
}

/** The phone opens what the code on screen says, and asks. */
async function scan() {
  await mine.locator('[data-testid=scan][data-state=waiting]').waitFor()
  const url = await shown(mine, 'scan-url')
  await phone.goto('about:blank')
  await phone.goto(url)
  await phone.getByTestId('phone-confirm').waitFor()
  await mine.locator('[data-testid=scan][data-state=scanned]').waitFor()
}

/** What the operator of the machine does; the password that is printed. */
function operator(...args) {
  const text = execFileSync(join(root, 'bin/signetctl'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  return /^password +(\S+)$/m.exec(text)[1]
}
