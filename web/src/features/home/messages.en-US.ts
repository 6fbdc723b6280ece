import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  page: 'Today',
  todo: 'To do today',
  none: 'Nothing waits for you now',
  noneText: 'Certificates about to expire, returned applications, unpaid orders and parcels to sign for appear here.',
  going: 'Under way',
  urgent: 'urgent',
  soon: 'soon',
  now: 'ready',
  things: {
    verify: () => 'Your account is not verified yet; prove your USB key to do more',
    returned: (name) => `${name} was returned for correction`,
    draft: (name) => `${name} has not been submitted yet`,
    write: (name) => `${name} can be written to the USB key`,
    pay: (name) => `${name} waits for payment`,
    expiring: (name) => `Certificate ${name} is about to expire`,
    expired: (name) => `Certificate ${name} has expired`,
    receipt: (name) => `${name} has been sent; sign for it when it arrives`,
  },
  act: {
    verify: 'Prove it',
    returned: 'Correct it',
    draft: 'Go on',
    write: 'Write it',
    pay: 'Pay',
    expiring: 'Extend',
    expired: 'View',
    receipt: 'Sign for it',
  },
  detail: {
    until: (at) => `valid until ${at}`,
    number: (number) => `application ${number}`,
    order: (number, amount) => `order ${number}, ${amount}`,
  },
  quick: 'Often used',
  links: { apply: 'Apply', certificates: 'My certificates', services: 'My services', applications: 'My applications', environment: 'Environment check', verify: 'Verify a signature' },
  linkHints: {
    apply: 'new, change, replace, revoke …',
    certificates: 'replace, unlock, extend, change',
    services: 'renew a service',
    applications: 'progress and corrections',
    environment: 'check your computer first',
    verify: 'verify a signed file',
  },
}
