import { useMessages } from '@/i18n/language'
import { en } from './open.en-US'
import { zh } from './open.zh-CN'

/** The words of pages that few open: not in the login page's first load. */
export const useOpenText = () => useMessages(zh, en)
