import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  page: 'Sign and decrypt',
  login: 'Please log in before you sign or decrypt with a USB key.',
  toLogin: 'Log in',
  sign: {
    tab: 'Sign a file',
    lead: 'Choose one or more files (at most 50, 1 MiB together) and sign them with the USB key: the assistant lists all of them and asks for the PIN once. The platform hands them to the UKey assistant on your PC and keeps nothing.',
    file: 'Files to sign',
    key: 'Signing certificate',
    style: 'Format',
    styles: { gmt0010: 'GM/T 0010', rfc5652: 'CMS (RFC 5652)' },
    detached: 'Leave the content out of the signature file',
    act: 'Sign',
    done: 'Signed',
    doneAll: (n: number) => `${n} files signed`,
    download: 'Download the signature (.p7s)',
    downloadOne: 'Download',
    downloadAll: 'Download all signatures (.p7s)',
    base64: 'Signature (base64)',
    verify: 'Verify it',
    again: 'Sign more',
    noKey: 'No signing certificate on this USB key',
  },
  open: {
    tab: 'Decrypt a file',
    lead: 'Open a file encrypted to your encryption certificate, such as a bid. The USB key decrypts; the result comes back encrypted to this page and the web site cannot read it.',
    file: 'Encrypted file (.p7m)',
    act: 'Decrypt',
    done: 'Decrypted',
    download: 'Download the decrypted file',
    again: 'Decrypt another file',
    broken: 'The result could not be opened. Please decrypt again.',
    format: 'This is no encrypted file (CMS envelope).',
    insecure: 'This address is not secure (HTTPS), so the browser refuses to decrypt here. Use the HTTPS address.',
  },
}
