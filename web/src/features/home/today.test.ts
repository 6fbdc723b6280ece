import { expect, test } from 'vitest'
import type { Session } from '@/api/session'
import { thingsToDo, underWay, type Known } from './today'

type Application = Known['applications'][number]
type Certificate = Known['certificates'][number]

const application = (id: string, state: Application['state']) => ({ id, number: id, kind: 'renew', state, timeline: [] }) as unknown as Application
const certificate = (id: string, state: Certificate['state'], openApplicationId?: string) => ({ id, state, openApplicationId }) as unknown as Certificate
const known = (over: Partial<Known> = {}): Known => ({ session: { state: 'verified' } as Session, applications: [], certificates: [], orders: [], ...over })

test('nothing to do is nothing', () => {
  expect(thingsToDo(known({ certificates: [certificate('c', 'valid'), certificate('d', 'superseded')], applications: [application('a', 'pending'), application('b', 'completed')] }))).toEqual([])
})

test('what loses by waiting comes first', () => {
  const things = thingsToDo(
    known({
      session: { state: 'unverified' } as Session,
      applications: [application('d', 'draft'), application('w', 'ready'), application('r', 'returned'), application('s', 'shipped')],
      certificates: [certificate('c', 'expiring'), certificate('e', 'expired')],
      orders: [{ id: 'o' } as Known['orders'][number]],
    }),
  )
  expect(things.map(({ kind }) => kind)).toEqual(['returned', 'expired', 'write', 'receipt', 'pay', 'expiring', 'draft', 'verify'])
})

test('a certificate whose renewal is open is not named twice', () => {
  expect(thingsToDo(known({ certificates: [certificate('c', 'expiring', 'a')], applications: [application('a', 'draft')] })).map(({ kind }) => kind)).toEqual(['draft'])
})

test('under way is what others work on', () => {
  expect(underWay([application('a', 'pending'), application('b', 'returned'), application('c', 'second')]).map(({ id }) => id)).toEqual(['a', 'c'])
})

test('a key that came is to be activated', () => {
  expect(thingsToDo(known({ applications: [application('a', 'received')] })).map(({ kind, to }) => [kind, to])).toEqual([['write', '/account/applications/a']])
})
