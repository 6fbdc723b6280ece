import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  home: {
    title: 'Projects',
    lead: 'Renew digital certificates online, sign and verify. Find your project and enter it.',
    find: 'Project name',
    enter: 'Enter',
    none: 'No project matches. Try another name, or contact support.',
    tools: 'Public tools',
    sign: 'Sign and decrypt',
    verify: 'Verify a signature',
  },
  project: {
    menu: 'Project menu',
    process: 'How it works',
    help: 'Help',
    downloads: 'Downloads',
    account: 'Account',
    noDownloads: 'This project offers no downloads.',
    noHelp: 'Nothing here yet; please contact support.',
    accountText: 'Your account is under “My information” after login. The first login leads to the page that completes your account.',
    price: (price, months) => `Renewal: ${price} for ${months} months`,
    free: (months) => `Renewal is free (${months} months)`,
    forgotNumber: 'Forgot the number registered at first issue? Call support with your latest business licence at hand.',
  },
  about: {
    title: 'About',
    text: [
      'Signet is a self-service platform for digital certificates. Holders of USB keys issued over the counter complete their account here, renew their service and have the new certificate written to the same key.',
      'Signing keys are made and used inside the USB key and never leave it; the PIN is typed only in the UKey assistant on your PC and never reaches the web site.',
      'After an extension the old encryption key stays on the USB key. Before it says “done”, the system proves that what could be decrypted before still can be.',
    ],
  },
  contact: {
    title: 'Contact',
    lead: 'How to reach the support of each project.',
  },
  notOpen: {
    title: 'Not open yet',
    register: 'Registration is not open yet',
    other: 'This is not open yet',
    text: 'The platform presently handles the online renewal of certificates issued over the counter. For this matter please contact support.',
  },
  lost: { title: 'Page not found', text: 'The address may be wrong, or the page has moved.' },
}
