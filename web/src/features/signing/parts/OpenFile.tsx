import { Alert, Button } from 'antd'
import { useEffect, useRef, useState } from 'react'
import { PageKey } from '@/agent/pageKey'
import { KeyAction } from '@/agent/parts/KeyAction'
import { startJob } from '@/agent/queries'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import type { Schema } from '@/api/client'
import { derFrom, size, toBase64 } from '@/lib/bytes'
import { save } from '@/lib/save'
import { FilePick, type Picked } from '@/ui/FilePick'
import { StateTag } from '@/ui/StateTag'
import { useText } from '../text'

const limit = 1024 * 1024 // what the assistant takes to open

/** Envelope → key → plaintext, which only this page can read. */
export function OpenFile() {
  const { open: t } = useText()
  const [file, setFile] = useState<Picked | null>(null)
  const [serial, setSerial] = useState('')
  const pageKey = useRef<PageKey | null>(null)
  const run = useJobRun('decrypt', startJob)
  const ukey = useUKey({ running: run.running })
  const opened = useOpened(pageKey, run.done ? run.job?.result : undefined)
  const envelope = file && derFrom(file.bytes)

  if (!window.isSecureContext) return <Alert type="error" showIcon title={t.insecure} />
  const start = () => {
    run.reset()
    setFile(null)
  }
  if (opened?.plain && file) return <Opened name={plainName(file.name)} plain={opened.plain} again={start} />
  const act = async () => {
    if (!file || !envelope) return
    pageKey.current = await PageKey.make()
    run.run({
      op: 'decrypt', tokenSerial: serial, name: file.name, content: toBase64(envelope), pageKey: pageKey.current.point,
      ...(ukey.agent ? { agentId: ukey.agent.id } : {}),
    })
  }
  return (
    <div className="stack">
      <p className="quiet" style={{ margin: 0 }}>{t.lead}</p>
      <FilePick label={t.file} value={file} pick={setFile} limit={limit} testId="open-file" />
      {file && !envelope && <Alert type="error" showIcon title={t.format} data-testid="open-format" />}
      {opened?.failed && <Alert type="error" showIcon title={t.broken} data-testid="open-broken" />}
      <KeyAction ukey={ukey} run={run} serial={serial} pick={setSerial} label={t.act} act={() => void act()} ready={!!envelope} testId="open-start" />
    </div>
  )
}

interface Result {
  plain?: Uint8Array<ArrayBuffer>
  failed?: boolean
}

function useOpened(pageKey: { current: PageKey | null }, outcome: Schema<'JobOutcome'> | undefined): Result | null {
  const [result, setResult] = useState<{ of: Schema<'JobOutcome'>; result: Result } | null>(null)
  useEffect(() => {
    if (!outcome) return
    const opening = pageKey.current?.open(outcome) ?? Promise.reject(new Error('the page key is gone'))
    opening.then(
      (plain) => setResult({ of: outcome, result: { plain } }),
      () => setResult({ of: outcome, result: { failed: true } }),
    )
  }, [outcome, pageKey])
  return outcome && result?.of === outcome ? result.result : null
}

/** 投标文件.txt.p7m → 投标文件.txt */
const plainName = (name: string) => name.replace(/\.(p7m|p7|enc|pem)$/i, '') || 'plain'

function Opened({ name, plain, again }: { name: string; plain: Uint8Array<ArrayBuffer>; again: () => void }) {
  const { open: t } = useText()
  return (
    <div className="stack" data-testid="open-done" data-size={plain.length}>
      <div><StateTag tone="good" text={`${t.done} ${name} (${size(plain.length)})`} /></div>
      <div className="row">
        <Button type="primary" onClick={() => save(name, plain)} data-testid="open-download">{t.download}</Button>
        <Button onClick={again}>{t.again}</Button>
      </div>
    </div>
  )
}
