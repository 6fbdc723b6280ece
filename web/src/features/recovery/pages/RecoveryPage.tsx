import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button, Steps } from 'antd'
import { useEffect, useState } from 'react'
import { useParams } from 'react-router'
import { KeyAction } from '@/agent/parts/KeyAction'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import { useCommon } from '@/i18n/common'
import { moment } from '@/lib/time'
import { Facts, type Fact } from '@/ui/Facts'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import { RecoveryTag } from '../parts/RecoveryTag'
import { letterURL, recoveryQuery, withdrawRecovery, writeRecovered, type Recovery } from '../queries'
import { useText } from '../text'

/** One request: how far it is, and the writing to the USB key once it was approved. */
export function RecoveryPage() {
  const t = useText()
  const { id = '' } = useParams()
  const query = useQuery(recoveryQuery(id))
  return (
    <>
      <Title text={t.one} extra={<LinkButton to="/account/recoveries">{t.back}</LinkButton>} />
      <Ready query={query}>{(recovery) => <Body recovery={recovery} />}</Ready>
    </>
  )
}

const places = { pending: 1, second: 2, requested: 3, ready: 4, refused: 1, withdrawn: 0 } as const

function Body({ recovery: r }: { recovery: Recovery }) {
  const t = useText()
  const narrow = useNarrow()
  const s = t.steps
  const over = r.state === 'refused' || r.state === 'withdrawn'
  const at = r.writtenAt ? 5 : places[r.state]
  return (
    <div className="stack" data-testid="recovery" data-state={r.state}>
      {!over && <Steps current={at} direction={narrow ? 'vertical' : 'horizontal'} size="small" items={[s.asked, s.pending, s.second, s.officers, s.ready, s.done].map((title) => ({ title }))} />}
      {(r.state === 'pending' || r.state === 'second' || r.state === 'requested') && <Alert type="info" showIcon title={t.wait[r.state]} />}
      <section className="panel stack">
        <Facts facts={useFacts(r)} />
        <div className="row">
          <Button href={letterURL(r.id)} download data-testid="recovery-letter">{t.letter}</Button>
          <span className="quiet">{t.letterHint}</span>
        </div>
        {(r.state === 'pending' || r.state === 'second' || r.state === 'requested') && <Withdraw id={r.id} />}
      </section>
      {r.state === 'ready' && <Write recovery={r} />}
    </div>
  )
}

function useFacts(r: Recovery): Fact[] {
  const t = useText()
  const { punctuation } = useCommon()
  const f = t.facts
  const facts: Fact[] = [
    { key: 'number', label: t.columns.number, value: <span className="mono">{r.number}</span> },
    { key: 'state', label: t.columns.state, value: <RecoveryTag state={r.state} /> },
    { key: 'certificate', label: f.certificate, value: r.certificateName },
    { key: 'enc', label: f.encSerial, value: <span className="mono">{r.encSerialHex}</span> },
    { key: 'reason', label: f.reason, value: r.reason },
    { key: 'files', label: f.files, value: r.files.length > 0 ? punctuation.list(...r.files) : t.noFiles },
    { key: 'created', label: f.created, value: moment(r.createdAt) },
    { key: 'key', label: f.key, value: <span className="mono">{r.toKeyHash.slice(0, 16)}…</span> },
  ]
  if (r.note) facts.push({ key: 'note', label: f.note, value: r.note })
  if (r.writtenAt) facts.push({ key: 'written', label: f.written, value: moment(r.writtenAt) })
  return facts
}

function Withdraw({ id }: { id: string }) {
  const t = useText()
  const common = useCommon()
  const { modal } = App.useApp()
  const withdraw = useMutation(withdrawRecovery)
  const ask = () => void modal.confirm({ title: t.withdrawAsk, okText: common.confirm, cancelText: common.cancel, onOk: () => withdraw.mutateAsync(id).catch(() => undefined) })
  return (
    <>
      <Problem error={withdraw.error} testId="recovery-withdraw-problem" />
      <div><Button onClick={ask} loading={withdraw.isPending} data-testid="recovery-withdraw">{t.withdraw}</Button></div>
    </>
  )
}

function Write({ recovery: r }: { recovery: Recovery }) {
  const { write: t } = useText()
  const client = useQueryClient()
  const [serial, setSerial] = useState('')
  const run = useJobRun('import-wrapped', writeRecovered(r.id), r.activeJobId)
  const ukey = useUKey({ running: run.running })
  useEffect(() => {
    if (run.done) void client.invalidateQueries({ queryKey: ['recoveries'] })
  }, [run.done, client])
  const act = () => run.run({ ...(ukey.agent ? { agentId: ukey.agent.id } : {}), tokenSerial: serial })
  return (
    <section className="panel stack" aria-label={t.title} data-testid="recovery-write">
      <h2 className="title" style={{ margin: 0 }}>{t.title}</h2>
      {r.writtenAt && <Alert type="success" showIcon title={t.done(moment(r.writtenAt))} data-testid="recovery-written" />}
      <span>{t.lead}</span>
      <KeyAction ukey={ukey} run={run} serial={serial} pick={setSerial} label={r.writtenAt ? t.again : t.act} act={act} testId="recovery-start" />
    </section>
  )
}
