import dayjs from 'dayjs'

/** A moment to the second, local time, as seed 002 prints it: 2015-08-31 11:39:36. */
export const moment = (at: string | undefined) => (at ? dayjs(at).format('YYYY-MM-DD HH:mm:ss') : '—')

/** A moment to the minute. */
export const minute = (at: string | undefined) => (at ? dayjs(at).format('YYYY-MM-DD HH:mm') : '—')

export const day = (at: string | undefined) => (at ? dayjs(at).format('YYYY-MM-DD') : '—')
