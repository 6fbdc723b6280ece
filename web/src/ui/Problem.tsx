import { Alert, Button } from 'antd'
import type { ReactNode } from 'react'
import { Refusal } from '@/api/refusal'
import { useCommon } from '@/i18n/common'
import { useLanguage } from '@/i18n/language'
import { problemText } from '@/i18n/problemText'

interface Props {
  error: unknown
  /** Shown as a button beside the text, where trying again makes sense. */
  retry?: () => void
  action?: ReactNode
  testId?: string
}

/** A refusal in plain words, and the number that support can look up. Nil/zero: no error shows nothing. */
export function Problem({ error, retry, action, testId = 'problem' }: Props) {
  const t = useCommon()
  const { language } = useLanguage()
  if (!error) return null
  const refusal = error instanceof Refusal ? error : new Refusal('internal', 0, '')
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      data-testid={testId}
      data-code={refusal.code}
      title={
        <>
          {problemText(refusal.code, refusal.params, language)}
          {refusal.requestId && <div className="quiet" style={{ fontSize: 13 }}>{t.requestId} <code className="mono">{refusal.requestId}</code></div>}
        </>
      }
      action={action ?? (retry && <Button onClick={retry}>{t.retry}</Button>)}
    />
  )
}
