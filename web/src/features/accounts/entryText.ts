import { useMessages } from '@/i18n/language'
import { en } from './entry.en-US'
import { zh } from './entry.zh-CN'

/** The texts of coming in alone, so that the login page loads no others; all are in useText. */
export const useEntryText = () => useMessages(zh, en)
