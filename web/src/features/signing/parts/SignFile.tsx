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
import type { Picked } from '@/ui/FilePick'
import { FilesPick } from '@/ui/FilesPick'
import { LinkButton } from '@/ui/LinkButton'
import { StateTag } from '@/ui/StateTag'
import { useText } from '../text'

// What the assistant takes to sign: of one file, of all together, how many.
const limit = 256 * 1024
const total = 1024 * 1024
const most = 50
type Style = 'gmt0010' | 'rfc5652'

/** Signing keys with a certificate, the one that lasts longest first. */
const signers = (token: TokenKey | undefined) =>
  (token?.objects ?? [])
    .filter((object) => object.usage === 'sign' && object.serialHex)
    .sort((a, b) => (b.notAfter ?? '').localeCompare(a.notAfter ?? ''))
const styleOf = (object: Schema<'TokenObject'> | undefined): Style => (!object?.keyAlg || /sm2/i.test(object.keyAlg) ? 'gmt0010' : 'rfc5652')

/** Files → key → one PIN → a signature for each. */
export function SignFile() {
  const { sign: t } = useText()
  const [files, setFiles] = useState<Picked[]>([])
  const [serial, setSerial] = useState('')
  const [spkiHash, setSpkiHash] = useState('')
  const [style, setStyle] = useState<Style | null>(null)
  const [detached, setDetached] = useState(true)
  const run = useJobRun('sign', startJob)
  const ukey = useUKey({ running: run.running })
  const objects = signers(ukey.keys.data?.find((key) => key.serial === serial))
  const object = objects.find((o) => o.spkiHash === spkiHash) ?? objects[0]
  const used = style ?? styleOf(object)

  const { signature, signatures = signature ? [signature] : [] } = run.job?.result ?? {}
  if (run.done && signatures.length > 0 && signatures.length === files.length) {
    return <Signed names={files.map((file) => file.name)} signatures={signatures} again={() => { run.reset(); setFiles([]) }} />
  }
  const act = () => {
    const list = files.map((file) => ({ name: file.name, content: toBase64(file.bytes) }))
    if (!object || !list[0]) return
    run.run({
      op: 'sign', tokenSerial: serial, ...(list.length === 1 ? list[0] : { files: list }), style: used, detached, spkiHash: object.spkiHash,
      ...(ukey.agent ? { agentId: ukey.agent.id } : {}),
    })
  }
  return (
    <div className="stack">
      <p className="quiet" style={{ margin: 0 }}>{t.lead}</p>
      <FilesPick label={t.file} value={files} pick={setFiles} limit={limit} total={total} most={most} testId="sign-file" />
      <KeyAction ukey={ukey} run={run} serial={serial} pick={setSerial} label={t.act} act={act} ready={files.length > 0 && object !== undefined} testId="sign-start">
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

function Signed({ names, signatures, again }: { names: string[]; signatures: string[]; again: () => void }) {
  const { sign: t } = useText()
  const files = names.map((name, i) => ({ name: `${name}.p7s`, base64: signatures[i] ?? '' }))
  const download = ({ name, base64 }: { name: string; base64: string }) => {
    const bytes = fromBase64(base64)
    if (bytes) save(name, bytes, 'application/pkcs7-signature')
  }
  return (
    <div className="stack" data-testid="sign-done" data-count={files.length}>
      <div><StateTag tone="good" text={names.length === 1 ? `${t.done} ${names[0] ?? ''}` : t.doneAll(names.length)} /></div>
      {files.length > 1 && (
        <ol className="stack" style={{ gap: 6, margin: 0, paddingInlineStart: 24 }}>
          {files.map((file, i) => (
            <li key={`${i} ${file.name}`}>
              <span className="row">
                <span className="wrap">{file.name}</span>
                <Button size="small" aria-label={`${t.download} ${file.name}`} onClick={() => download(file)}>{t.downloadOne}</Button>
              </span>
            </li>
          ))}
        </ol>
      )}
      <div className="row">
        <Button type="primary" onClick={() => files.forEach(download)} data-testid="sign-download">{files.length === 1 ? t.download : t.downloadAll}</Button>
        <LinkButton to="/tools/verify">{t.verify}</LinkButton>
        <Button onClick={again} data-testid="sign-again">{t.again}</Button>
      </div>
      {files.length === 1 && (
        <>
          <label htmlFor="sign-base64"><strong>{t.base64}</strong></label>
          <Input.TextArea id="sign-base64" className="mono" readOnly value={signatures[0] ?? ''} rows={6} data-testid="sign-base64" />
        </>
      )}
    </div>
  )
}
