import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  page: 'Confirm payments',
  find: 'Remark code / order number / organisation',
  columns: {
    number: 'Order number',
    organisation: 'Organisation',
    title: 'For',
    amount: 'Amount',
    remark: 'Remark code',
    state: 'State',
    created: 'Ordered at',
    action: 'Actions',
  },
  all: 'All states',
  states: { pending: 'to be paid', paid: 'paid', closed: 'closed' },
  confirm: 'Confirm',
  confirmAria: (number) => `Confirm the payment of order ${number}`,
  ask: 'Enter what the bank statement says. Nothing is confirmed if the amount differs from the order.',
  amount: 'Amount received (yuan)',
  amountBad: 'Enter an amount such as 200.00',
  reference: 'Bank reference',
  due: 'Amount due',
  confirmed: (number) => `Order ${number} is confirmed and the service renewed.`,
  confirmedBy: 'Confirmed by',
  free: 'free',
}
