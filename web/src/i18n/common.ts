import { en } from './common.en-US'
import { zh } from './common.zh-CN'
import { useMessages } from './language'

/** The words every page shares. */
export const useCommon = () => useMessages(zh, en)
