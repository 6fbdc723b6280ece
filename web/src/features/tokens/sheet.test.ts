import { expect, test } from 'vitest'
import { readSheet } from './sheet'

test('a sheet of keys, with headings in either language', () => {
  expect(readSheet('\uFEFF编号,型号,名称\r\nSK-1,龙脉 GM3000,"一号, 备用"\r\n\r\nSK-2,,\r\n')).toEqual({
    known: true, bad: [], entries: [{ serial: 'SK-1', model: '龙脉 GM3000', label: '一号, 备用' }, { serial: 'SK-2' }],
  })
  expect(readSheet('model,Serial,SOPIN,other\nA,SK-3,12345678,x')).toEqual({ known: true, bad: [], entries: [{ serial: 'SK-3', model: 'A', soPin: '12345678' }] })
})

test('lines that cannot be read are named by their number in the file', () => {
  const sheet = readSheet(`serial,label\nSK-1,"two\nlines"\n,no serial\nSK-1,again\n${'x'.repeat(65)},\nSK-2,a,b\nSK-4,`)
  expect(sheet.entries.map((entry) => entry.serial)).toEqual(['SK-1', 'SK-4'])
  expect(sheet.bad).toEqual([4, 5, 6, 7])
})

test('without a heading nothing is guessed', () => {
  expect(readSheet('SK-1,A\nSK-2,B')).toEqual({ known: false, bad: [], entries: [] })
  expect(readSheet('')).toEqual({ known: false, bad: [], entries: [] })
})
