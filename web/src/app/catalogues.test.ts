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

// Quoted from the source document with its half-width punctuation. Source: S002-07, 08, 12, 15, 16, 42, 44, 45, 46, 47, 49, 52, 54.
const quoted = ['请输入账号(手机号)和密码', '账号(手机号)', '账号信息(仅展示原信息,不可编辑修改)', '验证码短信已经发送,验证码将于10分钟后失效。', '重新发送(7秒)', '用现有 UKey 签署(代替纸质盖章)', '是否确认提交此证书的解锁申请?',
  '因证书的延期、变更会导致原加密的文件不可用,请确认知悉相关风险,并打印《证书业务风险告知函》,在相应位置签字盖章后,再与相关资料一起上传提交,由管理员审核。',
  '您正在申请的是“证书补办”业务,如有“已加密而未开标”的文件,建议先与客服 7 取得联系,申请恢复证书后再进行证书补办。该恢复的证书可用于当证书丢失、损坏时对“已加密而未开标”标书的解密。如无上述情况,请点击“继续”申请补办。',
  '变更企业名称或统一社会信用代码号', '变更法人', '证书新领(推荐)', '《机构电子签名认证证书业务登记表》,打印盖章,并扫描上传', '经办人身份证复印件,加盖公章', '营业执照复印件,加盖公章', '工商变更证明复印件,加盖公章',
  '证书业务风险告知函,加盖公章', '营业执照复印件或工商变更证明复印件,加盖公章', '为了不影响您的正常使用,请您确认是否有已加密未解密的文件,如有请在完成解密后再进行变更。',
  '如您选择证书新领,需用变更后的企业信息重新注册申领']

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
