import { Alert, Button } from 'antd'
import { useState } from 'react'
import { KeyPicker } from '@/agent/parts/KeyPicker'
import type { TokenKey } from '@/agent/job'
import type { UKey } from '@/agent/useUKey'
import type { Schema } from '@/api/client'
import { useText } from '../text'
import { begunSerial, suggestedSerial } from '../wizard'

interface Props {
  application: Schema<'Application'>
  ukey: UKey
  choose: (serial: string) => void
}

/** Which of the plugged keys: the right one is suggested and named, the person decides. */
export function KeyStep({ application, ukey, choose }: Props) {
  const { key: t } = useText()
  const [picked, setPicked] = useState('')
  const keys = ukey.keys.data ?? []
  const suggested = suggestedSerial(application, keys)
  const serial = picked || suggested
  const begun = begunSerial(application) !== ''
  const fresh = application.kind === 'new' || application.kind === 'replace' // written to another key than the one that held the old certificate
  const remark = (key: TokenKey) => (key.serial !== suggested ? '' : begun ? t.begun : t.meant)
  const usable = keys.some((key) => key.serial === serial && !key.pinLocked)
  return (
    <div className="stack">
      <p style={{ margin: 0 }}>{begun ? t.resume : fresh ? t.leadFresh : application.kind === 'revoke' ? t.leadSign : t.lead}</p>
      <KeyPicker ukey={ukey} value={serial} pick={setPicked} remark={remark} />
      {keys.length > 0 && !suggested && (begun || !fresh) && <Alert type="warning" showIcon title={t.notHere} data-testid="wizard-key-missing" />}
      <div>
        <Button type="primary" size="large" disabled={!usable} onClick={() => choose(serial)} data-testid="wizard-key-next">{t.next}</Button>
      </div>
    </div>
  )
}
