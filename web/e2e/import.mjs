// Holders of another CA: what the demonstration took over is exported and changes nothing when it is imported again; a new batch is tried, every problem
// row is shown, what is good is taken over, and its holder logs in. Then certificates are looked for by name, code and serial number.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { settled, startWalk, until } from './rig.mjs'

const { server, desk, enter, look, run, say, tab } = await startWalk('import')
const secret = 'Chushi-2026'

await run(async () => {
  const page = await desk('admin', '/admin/imports')
  const id = (one) => page.getByTestId(one)
  const report = (dry) => page.locator(`[data-testid=import-report][data-dry=${dry}]`)

  say('what was imported is exported, and imported again it changes nothing')
  const sheet = await download('export-csv', 'holders.csv')
  const archive = await download('export-zip', 'holders.zip')
  const rows = readFileSync(sheet, 'utf8').trim().split('\n').length - 1
  assert.ok(rows >= server.dev.legacy.length, `${rows} rows`)
  await choose(sheet, archive, 'again')
  await id('import-dry-run').click()
  await report(true).getByText(`共 ${rows} 行，可导入 0，无变化 ${rows}，有问题 0`).waitFor()
  assert.equal(await id('import-commit').count(), 0)

  say('a new batch: a dry run shows every problem row')
  const made = batch()
  await choose(made.sheet, made.archive, 'walk')
  await id('import-dry-run').click()
  await report(true).getByText('共 5 行，可导入 2，无变化 0，有问题 3').waitFor()
  const problems = await report(true).locator('li').allInnerTexts()
  for (const row of [3, 4, 5]) assert.ok(problems.some((text) => text.includes(`✕ 第 ${row} 行`)), problems.join('\n'))
  assert.ok(problems.some((text) => text.includes('服务开始时间 · 服务开始时间不是日期。')), problems.join('\n'))
  await settled(page)
  await look('dry-run', page)

  say('nothing was written yet; then the good rows are taken over')
  const stranger = await tab()
  assert.ok(!(await found(page, 'code', made.good.code)).includes(made.good.serial), 'a dry run kept something')
  await id('import-commit').click()
  await report(false).getByText('共 5 行，导入 2，无变化 0，有问题 3').waitFor()
  await look('imported', page)

  say('one of them logs in with the number and the initial password')
  await enter(stranger, { login: made.good.code, password: secret }, '13858011456', 'Xin-Mima-2026')
  await stranger.context().close()

  say('an exported name that looks like a formula is none')
  await id('export-batch').fill('walk')
  const text = readFileSync(await download('export-csv', 'walk.csv'), 'utf8')
  assert.ok(text.includes("\n'=1+1有限公司,"), text)
  assert.ok(!text.includes(server.dev.legacy[0].login), 'another batch')

  say('found by name, by code and by serial number; its page has chain, files and history')
  await page.goto('/admin/certificates')
  await id('inventory-value').fill('擎洲')
  await id('inventory-search').click()
  await id('inventory-74C2008800000AE9').waitFor()
  for (const [by, value] of [['code', server.dev.legacy.find((one) => one.name === '擎洲测试投标人6').login], ['serial', '74c2:0088:0000:0ae9']]) {
    await page.goto(`/admin/certificates?by=${by}&value=${value}`)
    await id('inventory-74C2008800000AE9').waitFor()
  }
  await look('search', page)
  await id('inventory-74C2008800000AE9').click()
  await id('certificate').waitFor()
  await settled(page)
  const [der] = await Promise.all([page.waitForEvent('download'), id('download-der').click()])
  const file = join(server.home, 'one.cer')
  await der.saveAs(file)
  assert.match(openssl('x509', '-inform', 'DER', '-in', file, '-noout', '-serial'), /74C2008800000AE9/)
  await look('imported-certificate', page)

  say('one of ours has a proof of the log, and a history')
  const issued = await until(async () => {
    const { items } = await (await page.request.get('/api/v1/admin/certificates?origin=issued&size=1')).json()
    const shown = await (await page.request.get(`/api/v1/admin/certificates/${items[0].id}`)).json()
    return shown.log?.logged && shown
  }, 'the log to have the newest certificate')
  await page.goto(`/admin/certificates/${encodeURIComponent(issued.certificate.id)}`)
  await id('certificate').waitFor()
  const [proof] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: '下载日志证明' }).click()])
  await proof.saveAs(join(server.home, 'proof'))
  assert.match(readFileSync(join(server.home, 'proof'), 'utf8'), /^c2sp\.org\/tlog-proof@v1\n/)
  assert.ok(issued.history.length > 0 && issued.chain.length > 0)
  await settled(page)
  await look('issued-certificate', page)

  async function download(button, name) {
    const [saved] = await Promise.all([page.waitForEvent('download'), id(button).click()])
    const to = join(server.home, name)
    await saved.saveAs(to)
    return to
  }

  async function choose(sheetFile, archiveFile, name) {
    await id('import-sheet').setInputFiles(sheetFile)
    await id('import-archive').setInputFiles(archiveFile)
    await id('import-batch').fill(name)
    await id('import-project').fill('jhggzy')
    await id('import-password').fill(secret)
  }
})

async function found(page, by, value) {
  const { items } = await (await page.request.get(`/api/v1/admin/certificates?by=${by}&value=${value}`)).json()
  return items.map((one) => one.serialHex)
}

function openssl(...args) {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** A root of another CA, two holders' certificates, and a sheet of five rows of which three cannot be taken over. */
function batch() {
  const dir = join(server.home, 'batch')
  mkdirSync(dir)
  const at = (name) => join(dir, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', at('root.key'), '-out', at('root.pem'), '-days', '3650', '-subj', '/C=CN/O=Another CA/CN=Another Root',
    '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
  writeFileSync(at('holder.cnf'), 'keyUsage=critical,digitalSignature\n')
  for (const [name, serial] of [['one', '0x5A01'], ['two', '0x5A02']]) {
    openssl('req', '-new', ...key, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/C=CN/O=Holder ${name}/CN=Holder ${name}`)
    openssl('x509', '-req', '-in', at(`${name}.csr`), '-CA', at('root.pem'), '-CAkey', at('root.key'), '-set_serial', serial, '-days', '365', '-extfile', at('holder.cnf'), '-out', at(`${name}.pem`))
  }
  const good = { code: '91330700MA2E000017', serial: '5A01' }
  writeFileSync(at('sheet.csv'), [
    '企业名称,统一社会信用代码,组织机构代码,经办人名称,经办人手机号,签名证书序列号,服务开始,服务结束',
    `金华市演练一号有限公司,${good.code},,王演练,13858011456,5A01,2026-01-01,2027-01-01`,
    '金华市演练二号有限公司,,MA2E00002,李演练,13858011457,5A02,不知道,2027-01-01',
    '金华市演练三号有限公司,,MA2E00003,赵演练,13858011458,5A03,2026-01-01,2027-01-01',
    `冒名有限公司,${good.code},,王演练,13858011456,5A01,2026-01-01,2027-01-01`,
    '=1+1有限公司,,MA2E00004,孙演练,13858011459,5A02,2026-01-01,2027-01-01',
  ].join('\n'))
  writeFileSync(at('certs.zip'), zip(['root.pem', 'one.pem', 'two.pem'].map((name) => [name, readFileSync(at(name))])))
  return { sheet: at('sheet.csv'), archive: at('certs.zip'), good }
}

/** A ZIP of files as they are. Source: PKWARE APPNOTE 4.3. */
function zip(files) {
  const parts = []
  const directory = []
  let offset = 0
  for (const [name, content] of files) {
    const sum = crc32(content)
    const head = (signature, more, tail) => {
      const fixed = Buffer.alloc(26)
      fixed.writeUInt16LE(20, 0) // version, flags, method and time stay 0
      fixed.writeUInt32LE(sum, 10)
      fixed.writeUInt32LE(content.length, 14)
      fixed.writeUInt32LE(content.length, 18)
      fixed.writeUInt16LE(name.length, 22)
      return Buffer.concat([Buffer.from(signature), more, fixed, tail, Buffer.from(name)])
    }
    const local = head([0x50, 0x4b, 3, 4], Buffer.alloc(0), Buffer.alloc(0))
    const place = Buffer.alloc(14) // comment, disk, attributes; where the file begins
    place.writeUInt32LE(offset, 10)
    directory.push(head([0x50, 0x4b, 1, 2], Buffer.from([20, 0]), place))
    parts.push(local, content)
    offset += local.length + content.length
  }
  const list = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(files.length, 8)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(list.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, list, end])
}

function crc32(bytes) {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  }
  return (sum ^ 0xffffffff) >>> 0
}
