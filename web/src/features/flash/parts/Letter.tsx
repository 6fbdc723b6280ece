import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Modal } from 'antd'
import { useEffect } from 'react'
import { useCommon } from '@/i18n/common'
import { Problem } from '@/ui/Problem'
import { printLetter, type FlashKey } from '../queries'
import { useText } from '../text'
import './letter.css'

/** The PIN letter of a finished key: asked for once, shown once, printed. */
export function Letter({ of: key, close }: { of: FlashKey; close: () => void }) {
  const { letter: t } = useText()
  const { columns: c } = useText()
  const common = useCommon()
  const { colon } = common.punctuation
  const letter = useMutation(printLetter)
  const shown = letter.data
  useEffect(() => {
    if (shown) window.print()
  }, [shown])
  return (
    <Modal
      open
      title={t.title}
      closable={!shown}
      maskClosable={false}
      keyboard={!shown}
      onCancel={close}
      footer={
        shown
          ? [<Button key="print" onClick={() => window.print()}>{t.print}</Button>, <Button key="close" type="primary" onClick={close} data-testid="letter-close">{t.close}</Button>]
          : [<Button key="cancel" onClick={close}>{common.cancel}</Button>, <Button key="open" type="primary" loading={letter.isPending} onClick={() => letter.mutate(key.id)} data-testid="letter-open">{t.open}</Button>]
      }
    >
      <div className="stack">
        <div className="letter-note"><Alert type="warning" showIcon title={shown ? t.once : t.ask} /></div>
        {shown && (
          <article className="pin-letter" data-testid="letter">
            <div>{t.to}{colon}<strong>{shown.name || '________________'}</strong></div>
            <p>{t.body}</p>
            <div>{c.serial}{colon}<span className="mono">{shown.serial}</span></div>
            <div>{t.number}{colon}<span className="mono">{shown.number}</span></div>
            <hr />
            <div className="quiet">{t.fold}</div>
            <p>{t.pin}{colon}<output>{shown.pin}</output></p>
            <p style={{ marginBottom: 0 }}>{t.never}</p>
          </article>
        )}
        <Problem error={letter.error} testId="letter-problem" />
      </div>
    </Modal>
  )
}
