import { useEffect, useState } from 'react'
import { useCommon } from '@/i18n/common'
import { moment } from '@/lib/time'
import { useText } from '../text'

/** When an order closes by itself, and how long that is from now. */
export function Left({ until }: { until: string }) {
  const t = useText()
  const { aside } = useCommon().punctuation
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 60_000)
    return () => clearInterval(timer)
  }, [])
  const minutes = Math.max(0, Math.floor((Date.parse(until) - now) / 60_000))
  return <span data-testid="order-due">{moment(until)}{aside(t.left(Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60))}</span>
}
