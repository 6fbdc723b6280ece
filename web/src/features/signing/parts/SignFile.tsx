import { Button, Checkbox, Input, Select } from 'antd'
import { useState } from 'react'
import type { TokenKey } from '@/agent/job'
import { KeyAction } from '@/agent/parts/KeyAction'
import { startJob } from '@/agent/queries'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import type { Schema } from '@/api/client'
import { day } from '@/lib/time'
import { fromBase64, toBase64 } from '@/lib/bytes'
import { save } from '@/lib/save'
import { FilePick, type Picked } from '@/ui/FilePick'
import { LinkButton } from '@/ui/LinkButton'
import { StateTag } from '@/ui/StateTag'
import { useText } from '../text'

const limit = 256 * 1024 // what the assistant takes to sign
type Style = 'gmt0010' | 'rfc5652'

/** Signing keys with a certificate, the one that lasts longest first. */
const signers = (token: TokenKey | undefined) =>
  (token?.objects ?? [])
    .filter((object) => object.usage === 'sign' && object.serialHex)
    .sort((a, b) => (b.notAfter ?? '').localeCompare(a.notAfter ?? ''))
const styleOf = (object: Schema<'TokenObject'> | undefined): Style => (!object?.keyAlg || /sm2/i.test(object.keyAlg) ? 'gmt0010' : 'rfc5652')

/** File → key → signature. */
export function SignFile() {
  const { sign: t } = useText()
  const [file, setFile] = useState<Picked | null>(null)
  const [serial, setSerial] = useState('')
  const [spkiHash, setSpkiHash] = useState('')
  const [style, setStyle] = useState<Style | null>(null)
  const [detached, setDetached] = useState(true)
  const run = useJobRun('sign', startJob)
  const ukey = useUKey({ running: run.running })
  const objects = signers(ukey.keys.data?.find((key) => key.serial === serial))
  const object = objects.find((o) => o.spkiHash === spkiHash) ?? objects[0]
  const used = style ?? styleOf(object)

  if (run.done && file && run.job?.result?.signature) {
    return <Signed name={file.name} signature={run.job.result.signature} again={() => { run.reset(); setFile(null) }} />
  }
  const act = () => {
    if (!file || !object) return
    run.run({
      op: 'sign', tokenSerial: serial, name: file.name, content: toBase64(file.bytes), style: used, detached, spkiHash: object.spkiHash,
      ...(ukey.agent ? { agentId: ukey.agent.id } : {}),
    })
  }
  return (
    <div className="stack">
      <p className="quiet" style={{ margin: 0 }}>{t.lead}</p>
      <FilePick label={t.file} value={file} pick={setFile} limit={limit} testId="sign-file" />
      <KeyAction ukey={ukey} run={run} serial={serial} pick={setSerial} label={t.act} act={act} ready={file !== null && object !== undefined} testId="sign-start">
        {serial && objects.length === 0 && <span>{t.noKey}</span>}
        {objects.length > 0 && (
          <label className="row">
            {t.key}
            <Select
              value={object?.spkiHash ?? ''}
              style={{ minWidth: 260, maxWidth: '100%' }}
              data-testid="sign-key"
              options={objects.map((o) => ({ value: o.spkiHash, label: nameOf(o) }))}
              onChange={setSpkiHash}
            />
          </label>
        )}
        <label className="row">
          {t.style}
          <Select
            value={used}
            style={{ minWidth: 200 }}
            data-testid="sign-style"
            options={(['gmt0010', 'rfc5652'] as const).map((value) => ({ value, label: t.styles[value] }))}
            onChange={setStyle}
          />
        </label>
        <Checkbox checked={detached} onChange={(event) => setDetached(event.target.checked)} data-testid="sign-detached">{t.detached}</Checkbox>
      </KeyAction>
    </div>
  )
}

const nameOf = (object: Schema<'TokenObject'>) =>
  `${object.certificateName ?? ''} ${object.serialHex ?? ''} (${object.keyAlg ?? ''}, ${day(object.notAfter)})`

function Signed({ name, signature, again }: { name: string; signature: string; again: () => void }) {
  const { sign: t } = useText()
  const bytes = fromBase64(signature)
  return (
    <div className="stack" data-testid="sign-done">
      <div><StateTag tone="good" text={`${t.done} ${name}`} /></div>
      <div className="row">
        {bytes && <Button type="primary" onClick={() => save(`${name}.p7s`, bytes, 'application/pkcs7-signature')} data-testid="sign-download">{t.download}</Button>}
        <LinkButton to="/tools/verify">{t.verify}</LinkButton>
        <Button onClick={again} data-testid="sign-again">{t.again}</Button>
      </div>
      <label htmlFor="sign-base64"><strong>{t.base64}</strong></label>
      <Input.TextArea id="sign-base64" className="mono" readOnly value={signature} rows={6} data-testid="sign-base64" />
    </div>
  )
}
