import { expect, test } from 'vitest'
import { en } from '@/i18n/common.en-US'
import { zh } from '@/i18n/common.zh-CN'
import { pagerTargets } from './Pager'
import { listState } from './useListState'

test('the pager reads as seed 002 prints it', () => {
  const { pager: t } = zh
  expect(`${t.total(1, 1, 1)} ${t.size} 5 ${t.rows} ${t.first} ${t.previous} ${t.next} ${t.last}`).toBe(
    '共1页 1条记录 当前第1页 每页显示 5 条记录 首页 上页 下页 尾页',
  )
  expect(en.pager.total(2, 7, 1)).toBe('2 page(s), 7 record(s), page 1')
})

test('the buttons lead only where there is something', () => {
  expect(pagerTargets({ page: 1, pages: 1 })).toEqual({ first: null, previous: null, next: null, last: null })
  expect(pagerTargets({ page: 2, pages: 3 })).toEqual({ first: 1, previous: 1, next: 3, last: 3 })
  expect(pagerTargets({ page: 1, pages: 0 })).toEqual({ first: null, previous: null, next: null, last: null })
  expect(pagerTargets({ page: 9, pages: 3 }).previous).toBe(3) // rows have gone meanwhile
})

test('an address that was tampered with still asks for a sane page', () => {
  const of = (query: string) => listState(new URLSearchParams(query))
  expect(of('')).toEqual({ page: 1, size: 5, find: '' })
  expect(of('page=3&size=20&find=擎洲')).toEqual({ page: 3, size: 20, find: '擎洲' })
  expect(of('page=-1&size=7')).toEqual({ page: 1, size: 5, find: '' })
  expect(of('page=1e9&size=1000000')).toEqual({ page: 1, size: 5, find: '' })
})
