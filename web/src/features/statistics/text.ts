import { useMessages } from '@/i18n/language'
import { en } from './messages.en-US'
import { zh } from './messages.zh-CN'

export const useText = () => useMessages(zh, en)
