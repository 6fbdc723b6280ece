import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  label: 'Viewer',
  none: 'No file',
  previous: 'Previous',
  next: 'Next',
  nearer: 'Larger',
  farther: 'Smaller',
  left: 'Turn left',
  right: 'Turn right',
  pageBefore: 'Page before',
  pageAfter: 'Next page',
  page: (page, pages) => `Page ${page} / ${pages}`,
  pageOf: (name, page) => `${name}, page ${page}`,
  download: 'Download',
  position: (index, count) => `${index} / ${count}`,
  broken: 'This PDF cannot be shown here; please download it.',
}
