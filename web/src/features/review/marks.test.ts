import { expect, test } from 'vitest'
import { bad, hindrance, reasonsOf, request, type Marks } from './marks'

const marks: Marks = {
  a: { materialId: 'a', ok: true },
  b: { materialId: 'b', ok: false, reason: 'stamp_missing' },
  c: { materialId: 'c', ok: false, reason: 'stamp_missing', note: '第二页' },
}

test('the reasons of bad files are named once', () => {
  expect(bad(marks)).toHaveLength(2)
  expect(reasonsOf(marks)).toEqual(['stamp_missing'])
})

test('nothing with a bad file is approved; nothing is sent back without a reason', () => {
  expect(hindrance({ decision: 'approve', reasons: [], note: '' }, marks)).toBe('badFile')
  expect(hindrance({ decision: 'approve', reasons: [], note: '' }, {})).toBeNull()
  expect(hindrance({ decision: 'return', reasons: [], note: 'x' }, marks)).toBe('noReason')
  expect(hindrance({ decision: 'reject', reasons: ['other'], note: ' ' }, {})).toBe('noNote')
  expect(hindrance({ decision: 'return', reasons: ['stamp_missing'], note: '' }, marks)).toBeNull()
})

test('an approval carries no reasons, an empty remark is left out', () => {
  expect(request({ decision: 'approve', reasons: ['other'], note: ' ' }, {})).toEqual({ decision: 'approve' })
  expect(request({ decision: 'return', reasons: ['stamp_missing'], note: ' 补章 ' }, { b: { materialId: 'b', ok: false } })).toEqual({
    decision: 'return', reasons: ['stamp_missing'], note: '补章', marks: [{ materialId: 'b', ok: false }],
  })
})
