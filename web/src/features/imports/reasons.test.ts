import { expect, test } from 'vitest'
import holder from '../../../../api/account/holder.go?raw'
import folder from '../../../../api/ra/folder.go?raw'
import rows from '../../../../api/ra/import.go?raw'
import { inChinese } from './reasons'

test('whatever the server says of a row, this page says in Chinese', () => {
  const said = [...`${rows}${folder}${holder}`.matchAll(/(?:badRow|warn)\([^\n"]*(?:"\w+", )?[^\n"]*"([A-Z][^"]*\.)"/g)].map((found) => (found[1] ?? '').replace('%d', '200'))
  expect(said.length).toBeGreaterThan(24)
  for (const sentence of said) expect(inChinese(sentence)).not.toBe(sentence)
  expect(inChinese('The text is longer than 64 characters.')).toBe('超过 64 个字。')
})
