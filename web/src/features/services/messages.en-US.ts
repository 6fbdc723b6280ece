import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  page: 'My services',
  find: 'Certificate name',
  columns: {
    number: 'ID',
    project: 'Project',
    service: 'Service',
    certificate: 'Certificate name',
    serial: 'Certificate serial',
    period: 'Service period',
    state: 'State',
    action: 'Actions',
  },
  to: 'to',
  states: { valid: 'valid', expiring: 'expiring soon', expired: 'expired', processing: 'in progress' },
  renew: 'Renew',
  renewHint: 'Renew and pay',
  renewAria: (serial) => `Renew (pay), certificate serial ${serial}`,
  openOrder: 'Open order',
  none: '—',
  ask: 'Renew the service',
  askText: 'Renew this service? An order is made; the service period is extended once it is paid.',
  price: 'Price',
  free: 'free',
  term: 'Term',
  months: (n) => `${n} months`,
  next: 'This does not touch the certificate. After payment choose “Extend” under “My certificates” to write the new certificate to the USB key.',
  order: 'Place the order',
}
