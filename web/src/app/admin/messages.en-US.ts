import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  system: 'Back office',
  hello: (name) => `Hello ${name}`,
  portal: 'Self-service',
  orders: 'Confirm payments',
  menu: 'Back office menu',
  coming: 'being built',
  comingItems: ['Reviews', 'Organisations and accounts', 'Certificates and revocation', 'Shipments and receipts', 'Settings'],
  staffOnly: 'For staff only',
  staffOnlyText: 'You are logged in as a holder. Log out and use a staff account, or go back to self-service.',
  notFinance: 'Your role has nothing to do here yet; reviews are being built.',
}
