import { expect, test } from 'vitest'
import { complete, type Material, type MaterialItem } from './materials'

const file = (state: Material['state']): Material => ({ id: 'mat_1', type: 'licence', state, name: 'a.jpg', mediaType: 'image/jpeg', size: 1, sha256: '', redone: false, createdAt: '2026-01-01T00:00:00Z' })
const item = (wanted: boolean, ...states: Material['state'][]): MaterialItem => ({ type: 'licence', required: true, wanted, letter: false, editable: true, most: 3, files: states.map(file) })

test('a list is complete when all that is wanted is there and nothing was sent back', () => {
  expect(complete([])).toBe(true)
  expect(complete([item(true)])).toBe(false)
  expect(complete([item(false)])).toBe(true)
  expect(complete([item(true, 'new'), item(true, 'accepted', 'new')])).toBe(true)
  expect(complete([item(true, 'new', 'rejected')])).toBe(false)
  expect(complete([item(false, 'rejected')])).toBe(false)
})
