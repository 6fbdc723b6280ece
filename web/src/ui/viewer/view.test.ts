import { expect, test } from 'vitest'
import { paged, straight, turned, zoomed } from './view'

test('zoom goes by steps and stops at both ends', () => {
  let view = straight
  for (let i = 0; i < 9; i++) view = zoomed(view, 1)
  expect(view.zoom).toBe(4)
  for (let i = 0; i < 9; i++) view = zoomed(view, -1)
  expect(view.zoom).toBe(0.5)
})

test('a turn goes round, and keeps page and zoom', () => {
  expect(turned({ zoom: 2, turn: 0, page: 3 }, -1)).toEqual({ zoom: 2, turn: 270, page: 3 })
  expect(turned({ zoom: 2, turn: 270, page: 3 }, 1)).toEqual({ zoom: 2, turn: 0, page: 3 })
})

test('pages stay within the file', () => {
  expect(paged(straight, -1, 3).page).toBe(1)
  expect(paged({ ...straight, page: 3 }, 1, 3).page).toBe(3)
  expect(paged(straight, 1, 3).page).toBe(2)
  expect(paged(straight, 1, 0).page).toBe(1)
})
