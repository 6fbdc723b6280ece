// What an import says of a row, in Chinese. The server says it in English, for it is also what signetctl prints; # stands for a number.
const chinese: Record<string, string> = {
  'The row names no signing certificate.': '未填写签名证书。',
  'The certificate is not for signing.': '该证书不是签名证书。',
  'The certificate is not for encryption.': '该证书不是加密证书。',
  'The certificate does not lead to an anchor of the batch.': '该证书不是由本批次所附的 CA 颁发的。',
  'There is no such project.': '没有这个项目。',
  'The certificate belongs to another holder already.': '该证书已属于另一持有人。',
  'The certificate was imported with another encryption certificate.': '该签名证书此前导入时配的是另一张加密证书。',
  'The service number is not a positive number.': '服务编号不是正整数。',
  'The start of the service is not a date.': '服务开始时间不是日期。',
  'The end of the service is not a date.': '服务结束时间不是日期。',
  'The service ends before it starts.': '服务结束时间早于开始时间。',
  'The name is longer than # characters.': '名称超过 # 个字。',
  'Another holder has this service number.': '该服务编号已属于另一持有人。',
  'The file is not a certificate.': '该文件不是证书。',
  'There is no certificate file of that name or serial number.': '压缩包中没有该文件名或序列号的证书。',
  'Several certificates have that name or serial number.': '压缩包中有多张证书符合该文件名或序列号。',
  'The text is not UTF-8.': '文字编码不正确。',
  'The text is longer than # characters.': '超过 # 个字。',
  'The organisation has no name.': '未填写企业名称。',
  'Neither organisation code nor USCC is given.': '组织机构代码与统一社会信用代码均未填写。',
  'The batch has no name.': '批次没有名称。',
  'The project slug is malformed.': '项目标识格式不正确。',
  'Another holder with different data has this ID number already.': '该证件号码已登记给资料不同的另一持有人。',
  'The certificate names another ID number than the row.': '证书中的证件号码与本行不一致，已照原样导入。',
  'The code fails its check; kept unchanged.': '证件号码未通过校验，已照原样保留。',
  'The phone is not a mobile number; kept unchanged.': '不是手机号码，已照原样保留。',
}

/** A sentence of an import in Chinese; one that is newer than this page stays English. */
export function inChinese(detail: string) {
  const number = /\d+(?= characters)/.exec(detail)?.[0] ?? ''
  return chinese[detail.replace(/\d+(?= characters)/, '#')]?.replace('#', number) ?? detail
}
