import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  title: 'Environment check',
  lead: 'Checks what using a USB key needs, one by one. Work from the top down, then check again.',
  again: 'Check again',
  copy: 'Report',
  copyHint: 'Copy it when you contact support. It holds no password, PIN or company data.',
  list: 'Findings',
  connect: 'Allow and connect directly',
  connectWhy: 'Connecting directly is faster. The browser will ask whether this site may reach apps on this device (the local network); choose “Allow”. If you block it everything still works, through the portal.',
  way: { loopback: 'directly on this computer', relay: 'through the portal' },
  names: {
    network: 'Network', clock: 'Clock', agent: 'UKey assistant', version: 'Assistant version', permission: 'Browser permission', driver: 'USB key driver', key: 'USB key',
  },
  states: {
    checking: 'checking', fine: 'fine', unreachable: 'not reached', clockOff: 'wrong time', signIn: 'log in to check', notPaired: 'not paired', offline: 'not running', otherVersion: 'another version', newRelease: 'a newer one',
    relayOnly: 'through the portal', denied: 'blocked', ask: 'not allowed yet', notNeeded: 'none needed', noAnswer: 'no answer here', driverFailed: 'cannot be read', noKey: 'none found', locked: 'PIN locked',
    uninitialised: 'not initialised', waitsForAgent: 'waits for the assistant',
  },
  advice: {
    checking: '',
    fine: '',
    unreachable: 'Check the network and the proxy of your office, then check again.',
    clockOff: 'Turn on automatic time in the system settings. The assistant refuses to work when the clock is off by more than 30 seconds.',
    signIn: 'Log in first to check this.',
    notPaired: 'Install and start the UKey assistant on your PC, then get a pairing code in “My information”.',
    offline: 'Start the UKey assistant (ukeyd) on the PC with the USB key.',
    newRelease: 'The portal offers a newer assistant. Run ukeyd update on this computer: it checks the signature, downloads, and says how to install.',
    otherVersion: 'The assistant and the portal are of different versions. If something fails, install the portal’s version.',
    relayOnly: 'Jobs go through the portal, which works as well. The assistant should be paired with this account.',
    denied: 'Jobs go through the portal, which works as well. To connect directly, open the site settings left of the address, allow “Local network” and reload. On a managed PC ask the administrator for the browser policy.',
    ask: 'The button below allows it. Without it, jobs go through the portal.',
    notNeeded: '',
    noAnswer: 'No assistant answers on this computer, so jobs go through the portal. That is normal when it runs on another PC.',
    driverFailed: 'The assistant could not read the USB keys. Run ukeyd doctor on that PC and install the vendor’s driver as it says.',
    noKey: 'Plug in the USB key. If it is in, try another port, or run ukeyd doctor to check the driver.',
    locked: 'The PIN is locked after wrong tries; apply for unlocking.',
    uninitialised: 'This key has not been initialised; contact support.',
    waitsForAgent: 'See to the UKey assistant first.',
  },
  report: { browser: 'Browser', at: 'Checked', page: 'Address', clock: (seconds) => `clock off by ${seconds} s`, keys: (count) => `${count} plugged in` },
}
