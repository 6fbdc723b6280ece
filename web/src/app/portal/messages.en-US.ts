import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  system: 'Self-service',
  hello: (name) => `Hello ${name}`,
  home: 'Home',
  about: 'About',
  contact: 'Contact',
  main: 'Main navigation',
  menu: 'Self-service',
  openMenu: 'Open the menu',
  items: {
    today: 'Today',
    apply: 'Apply',
    profile: 'My information',
    services: 'My services',
    certificates: 'My certificates',
    orders: 'My orders',
    receipts: 'My receipts',
    contact: 'Contact',
    admin: 'Back office',
    applications: 'My applications',
    notices: 'My messages',
    tokens: 'My USB keys',
    members: 'Members and API keys',
    sign: 'Sign and decrypt',
    verify: 'Verify a signature',
    environment: 'Environment check',
  },
  unverified: 'Your account is not verified yet. Prove your USB key to do more.',
  toProfile: 'Prove it',
  footer: 'Companies, people, certificates and orders in the demonstration are made up.',
}
