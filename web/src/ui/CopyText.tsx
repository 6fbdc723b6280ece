import { Button } from 'antd'
import { useState } from 'react'
import { useCommon } from '@/i18n/common'

/** A value to be carried elsewhere by hand or by clipboard. */
export function CopyText({ text, testId }: { text: string; testId?: string }) {
  const t = useCommon()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <span className="row" style={{ display: 'inline-flex' }}>
      <span className="mono" data-testid={testId}>{text}</span>
      <Button size="small" onClick={() => void copy()}>{copied ? t.copied : t.copy}</Button>
      <span role="status" className="visually-hidden">{copied ? t.copied : ''}</span>
    </span>
  )
}
