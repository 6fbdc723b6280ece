import dayjs from 'dayjs'

/** A moment to the second, local time, as seed 002 prints it: 2015-08-31 11:39:36. */
export const moment = (at: string | undefined) => (at ? dayjs(at).format('YYYY-MM-DD HH:mm:ss') : '—')

/** A moment to the minute. */
export const minute = (at: string | undefined) => (at ? dayjs(at).format('YYYY-MM-DD HH:mm') : '—')

export const day = (at: string | undefined) => (at ? dayjs(at).format('YYYY-MM-DD') : '—')

const weekdays = { 'zh-CN': ['周日', '周一', '周二', '周三', '周四', '周五', '周六'], 'en-US': ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] }
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A promised moment as people say it: 1月8日（周三）18:00 · Wed 8 Jan 18:00. */
export function promised(at: string | undefined, language: 'zh-CN' | 'en-US'): string {
  if (!at) return '—'
  const then = dayjs(at)
  const weekday = weekdays[language][then.day()] ?? ''
  return language === 'zh-CN' ? then.format(`M月D日（${weekday}）HH:mm`) : `${weekday} ${then.date()} ${months[then.month()] ?? ''} ${then.format('HH:mm')}`
}
