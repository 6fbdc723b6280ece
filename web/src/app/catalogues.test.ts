import { expect, test } from 'vitest'

type Texts = { [key: string]: unknown }

const english = import.meta.glob<Texts>('../**/*.en-US.ts', { eager: true, import: 'en' })
const chinese = import.meta.glob<Texts>('../**/*.zh-CN.ts', { eager: true, import: 'zh' })

/** Every text of a catalogue with its key; functions are asked with numbers. */
function* texts(value: unknown, key: string): Generator<[string, string]> {
  if (typeof value === 'string') yield [key, value]
  else if (typeof value === 'function') yield [key, String(value(7, 8, 9))]
  else if (typeof value === 'object' && value !== null) for (const [k, v] of Object.entries(value)) yield* texts(v, `${key}.${k}`)
}

const all = (catalogues: Record<string, Texts>) => Object.entries(catalogues).flatMap(([file, catalogue]) => [...texts(catalogue, file)])

// Quoted from the source document with its half-width punctuation. Source: S002-07, 08, 12, 15, 16.
const quoted = ['请输入账号(手机号)和密码', '账号(手机号)', '账号信息(仅展示原信息,不可编辑修改)', '验证码短信已经发送,验证码将于10分钟后失效。', '重新发送(7秒)', '用现有 UKey 签署(代替纸质盖章)']

test('there are as many English catalogues as Chinese ones', () => {
  const names = (files: Record<string, Texts>) => Object.keys(files).map((file) => file.replace(/\.\w\w-\w\w\.ts$/, '')).sort()
  expect(names(english)).toEqual(names(chinese))
  expect(all(english).length).toBeGreaterThan(300)
})

test('no English text was left in Chinese', () => {
  expect(all(english).filter(([, text]) => /[\u4e00-\u9fff]/.test(text.replace('印信', '')))).toEqual([])
})

test('Chinese texts use full-width punctuation, unless they are quoted', () => {
  const half = /[\u4e00-\u9fff][,:;?!()]|[,:;?!()][\u4e00-\u9fff]/
  expect(all(chinese).filter(([, text]) => half.test(text) && !quoted.includes(text))).toEqual([])
})

test('what the source document quotes is there, word for word', () => {
  const said = all(chinese).map(([, text]) => text)
  expect(quoted.filter((text) => !said.includes(text))).toEqual([])
})
