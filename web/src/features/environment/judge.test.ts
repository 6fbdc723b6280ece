import { expect, test } from 'vitest'
import { judge, type Facts } from './judge'

const well: Facts = {
  reached: true, clockAhead: 2, permission: 'granted', signedIn: true, paired: 1, online: 1, way: 'loopback', reason: '', agentVersion: '1', portalVersion: '1', agentRelease: '',
  keys: { count: 1, locked: 0, uninitialised: 0 }, keysFailed: '',
}

test('all is well', () => {
  expect(new Set(Object.values(judge(well)))).toEqual(new Set(['fine']))
})

test.each<[string, Partial<Facts>, Partial<ReturnType<typeof judge>>]>([
  ['no network', { reached: false, clockAhead: null }, { network: 'unreachable', clock: 'unreachable' }],
  ['clock a day ahead', { clockAhead: 86_400 }, { clock: 'clockOff', network: 'fine' }],
  ['clock a minute behind', { clockAhead: -60 }, { clock: 'clockOff' }],
  ['nobody logged in', { signedIn: false, way: null, permission: 'prompt' }, { agent: 'signIn', permission: 'signIn', key: 'signIn' }],
  ['never paired', { paired: 0, online: 0, way: null }, { agent: 'notPaired', driver: 'waitsForAgent', key: 'waitsForAgent' }],
  ['not running', { online: 0, way: 'relay', reason: 'absent' }, { agent: 'offline', permission: 'noAnswer' }],
  ['running elsewhere', { way: 'relay', reason: 'absent' }, { agent: 'fine', permission: 'noAnswer' }],
  ['old agent', { agentVersion: '0' }, { version: 'otherVersion' }],
  ['a newer release', { agentVersion: '0.11', agentRelease: '0.12' }, { version: 'newRelease' }],
  ['the newest release', { agentVersion: '0.12', agentRelease: '0.12' }, { version: 'fine' }],
  ['denied', { way: 'relay', reason: 'denied', permission: 'denied' }, { permission: 'denied', agent: 'fine' }],
  ['not asked yet', { way: 'relay', reason: '', permission: 'prompt' }, { permission: 'ask' }],
  ['refused by the portal', { way: 'relay', reason: 'not_found', permission: 'granted' }, { permission: 'relayOnly' }],
  ['a browser that asks nobody', { way: null, permission: 'unknown' }, { permission: 'notNeeded' }],
  ['driver broken', { keys: null, keysFailed: 'internal' }, { driver: 'driverFailed', key: 'driverFailed' }],
  ['nothing plugged in', { keys: { count: 0, locked: 0, uninitialised: 0 } }, { driver: 'fine', key: 'noKey' }],
  ['locked', { keys: { count: 1, locked: 1, uninitialised: 0 } }, { key: 'locked' }],
  ['blank', { keys: { count: 1, locked: 0, uninitialised: 1 } }, { key: 'uninitialised' }],
])('%s', (_, change, want) => {
  expect(judge({ ...well, ...change })).toMatchObject(want)
})
