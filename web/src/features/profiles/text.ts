import { useMessages } from '@/i18n/language'
import { en } from './messages.en-US'
import { zh } from './messages.zh-CN'

export const useText = () => useMessages(zh, en)

/** A span of seconds in the largest unit that says it whole. */
export function useSpan() {
  const t = useText()
  return (seconds: number) => {
    if (seconds === 0) return t.nothing
    if (seconds % 86_400 === 0) return t.days(seconds / 86_400)
    if (seconds % 3_600 === 0) return t.hours(seconds / 3_600)
    return seconds % 60 === 0 ? t.minutes(seconds / 60) : t.seconds(seconds)
  }
}
