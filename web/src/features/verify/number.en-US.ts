import type { Translated } from '@/i18n/language'
import type { zh } from './number.zh-CN'

export const en: Translated<typeof zh> = {
  page: 'Check a number',
  lead: 'Checks the number of a notice, form, request or payment slip that this system printed.',
  input: 'Number',
  example: 'such as DJ20261121-7K3M9QTA',
  act: 'Check',
  found: 'The number is genuine: this system printed it',
  foundText: 'Compare title, organisation and date with the paper. This says only that it was printed here, not that it was signed, stamped or approved.',
  unknown: 'There is no such number',
  unknownText: 'Check what you typed. If the paper really says so, contact our service: it may be forged.',
  title: 'Title',
  number: 'Number',
  organisation: 'Organisation (partly hidden)',
  printed: 'Printed at',
  hash: 'SHA-256 of the PDF',
}
