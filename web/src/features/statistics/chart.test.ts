import { describe, expect, it } from 'vitest'
import { everyNth, issued, scaleOf } from './chart'

describe('scaleOf', () => {
  it.each([[0, [0, 1]], [1, [0, 1]], [3, [0, 1, 2, 3]], [4, [0, 1, 2, 3, 4]], [7, [0, 2, 4, 6, 8]], [99, [0, 50, 100]], [100, [0, 50, 100]], [1234, [0, 500, 1000, 1500]]])('%i', (greatest, lines) => {
    expect(scaleOf(greatest)).toEqual(lines)
  })
  it('always reaches the greatest value in at most five steps', () => {
    for (let n = 0; n < 5000; n += 7) {
      const lines = scaleOf(n)
      expect(lines.at(-1)).toBeGreaterThanOrEqual(n)
      expect(lines.length).toBeLessThanOrEqual(6)
    }
  })
})

it('leaves out labels that do not fit', () => {
  expect(everyNth(12, 600, 50)).toBe(1)
  expect(everyNth(30, 300, 50)).toBe(5)
})

it('adds up what was issued, without revocations', () => {
  expect(issued({ new: 1, renewed: 2, changed: 3, replaced: 4, revoked: 50 })).toBe(10)
})
