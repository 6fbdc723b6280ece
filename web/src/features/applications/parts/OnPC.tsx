import { QRCode, Result } from 'antd'
import { CopyText } from '@/ui/CopyText'
import { useText } from '../text'

/** On a phone the key cannot be written; the page says where to go on. */
export function OnPC() {
  const { phone: t } = useText()
  return (
    <Result
      status="info"
      title={<span data-testid="wizard-on-pc">{t.title}</span>}
      subTitle={t.text}
      extra={
        <div className="stack" style={{ alignItems: 'center' }}>
          <CopyText text={location.href} />
          <QRCode value={location.href} type="svg" size={140} aria-hidden="true" />
        </div>
      }
    />
  )
}
