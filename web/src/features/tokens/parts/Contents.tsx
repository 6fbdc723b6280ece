import { Alert, Button, Checkbox, Form, Input, Modal } from 'antd'
import { useEffect, useState } from 'react'
import { JobProgress } from '@/agent/parts/JobProgress'
import { useJobRun, type JobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import { Refusal } from '@/api/refusal'
import { useCommon } from '@/i18n/common'
import { day } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { StateTag } from '@/ui/StateTag'
import { byCertificate, type KeyGroup, type KeyObject } from '../contents'
import { deleteKeys, labelKey } from '../queries'
import { useText } from '../text'

/** What is on the key that is plugged in, the keys of earlier certificates too: each can be named, and what is not needed any more deleted. */
export function Contents({ serial }: { serial: string }) {
  const { contents: t } = useText()
  const naming = useJobRun('label', labelKey(serial))
  const deleting = useJobRun('delete', deleteKeys(serial))
  const running = naming.running || deleting.running
  const ukey = useUKey({ running })
  const [named, name] = useState<KeyObject>()
  const [doomed, doom] = useState<KeyGroup>()
  const { refetch } = ukey.keys
  const changed = naming.job?.state === 'done' ? naming.job.id : deleting.job?.state === 'done' ? deleting.job.id : ''
  useEffect(() => {
    if (changed !== '') void refetch()
  }, [changed, refetch])
  const key = ukey.keys.data?.find((one) => one.serial === serial)
  const choice = ukey.agent ? { agentId: ukey.agent.id } : {}
  const run = deleting.running ? deleting : naming
  return (
    <section className="panel stack" aria-label={t.title} data-testid="contents">
      <h2 className="title" style={{ margin: 0 }}>{t.title}</h2>
      {running && <JobProgress job={run.job} online={ukey.agent !== undefined} cancel={run.cancel} ask={[t.asking, t.askingHint]} />}
      {!running && !key && <p className="quiet" style={{ margin: 0 }} data-testid="contents-none">{t.plug}</p>}
      {!running && key && key.objects.length === 0 && <p className="quiet" style={{ margin: 0 }}>{t.empty}</p>}
      {!running && key && byCertificate(key.objects).map((group) => (
        <Group key={group.id} group={group} name={name} remove={() => { deleting.reset(); doom(group) }} />
      ))}
      {!running && !doomed && <Ended naming={naming} deleting={deleting} />}
      <p className="quiet" style={{ margin: 0 }}>{t.tokenName}</p>
      {named && (
        <NameDialog object={named} close={() => name(undefined)} submit={(label) => {
          deleting.reset()
          naming.run({ ...choice, spkiHash: named.spkiHash, label })
          name(undefined)
        }} />
      )}
      {doomed && (
        <DeleteDialog group={doomed} run={deleting} close={() => {
          if (!deleting.job) deleting.reset() // what was refused is not done: nothing stays to be said
          doom(undefined)
        }} submit={(loseKey) => {
          naming.reset()
          deleting.run({ ...choice, keys: doomed.objects.map((o) => o.spkiHash), ...(loseKey ? { loseKey } : {}) })
        }} />
      )}
    </section>
  )
}

function Ended({ naming, deleting }: { naming: Pick<JobRun, 'done' | 'error'>; deleting: Pick<JobRun, 'done' | 'error'> }) {
  const { contents: t } = useText()
  return (
    <>
      <Problem error={naming.error ?? deleting.error} testId="contents-problem" />
      {naming.done && <Alert type="success" showIcon role="status" title={t.named} data-testid="contents-named" />}
      {deleting.done && <Alert type="success" showIcon role="status" title={t.deleted} data-testid="contents-deleted" />}
    </>
  )
}

/** The keys of one certificate. */
function Group({ group, name, remove }: { group: KeyGroup; name: (object: KeyObject) => void; remove: () => void }) {
  const { contents: t } = useText()
  const { title, serialHex, notAfter } = group
  return (
    <div className="stack" style={{ gap: 6 }} role="group" aria-label={title || t.foreign} data-testid="contents-group" data-history={group.history}>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <span className="row">
          <strong className="wrap">{title || t.foreign}</strong>
          {group.mine && <StateTag tone={group.history ? 'quiet' : 'good'} text={group.history ? t.history : t.current} />}
        </span>
        {group.mine && group.history && <Button size="small" danger onClick={remove} data-testid="contents-delete" aria-label={t.deleteAria(title)}>{t.delete}</Button>}
      </div>
      {serialHex && <span className="quiet wrap"><span className="mono">{serialHex}</span> · {t.until(day(notAfter))}</span>}
      {group.objects.map((object) => (
        <div className="row" key={object.id} data-testid={`contents-${object.usage}`}>
          <span className="wrap">{t.usage[object.usage]}{object.label ? `「${object.label}」` : ''}</span>
          {group.mine && <Button size="small" onClick={() => name(object)} data-testid="contents-name" aria-label={t.nameAria(t.usage[object.usage], title)}>{t.name}</Button>}
        </div>
      ))}
    </div>
  )
}

const bytes = (text: string) => new TextEncoder().encode(text).length

function NameDialog({ object, close, submit }: { object: KeyObject; close: () => void; submit: (label: string) => void }) {
  const { contents: t } = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ label: string }>()
  return (
    <Modal open title={t.name} okText={t.name} cancelText={common.cancel} onCancel={close} onOk={() => form.submit()} okButtonProps={{ 'data-testid': 'contents-name-submit' }}>
      <Form form={form} name="key-name" layout="vertical" initialValues={{ label: object.label ?? '' }} onFinish={({ label }) => submit(label.trim())}>
        <Form.Item
          name="label"
          label={t.label}
          extra={t.labelHint}
          rules={[{ validator: (_, label: string) => (bytes(label.trim()) <= 64 ? Promise.resolve() : Promise.reject(new Error(t.tooLong))) }]}
        >
          <Input maxLength={64} autoComplete="off" data-testid="contents-name-text" />
        </Form.Item>
      </Form>
    </Modal>
  )
}

interface DeleteProps {
  group: KeyGroup
  run: Pick<JobRun, 'running' | 'error' | 'job'>
  close: () => void
  submit: (loseKey: boolean) => void
}

/** The server says whether anything would be lost for good; then the holder has to say so too. */
function DeleteDialog({ group, run, close, submit }: DeleteProps) {
  const { contents: t } = useText()
  const common = useCommon()
  const [asked, ask] = useState(false)
  const [lose, setLose] = useState(false)
  const onlyCopy = asked && run.error instanceof Refusal && run.error.code === 'key_only_copy'
  const begun = asked && run.job !== undefined
  useEffect(() => {
    if (begun) close()
  }, [begun, close])
  return (
    <Modal
      open
      title={t.deleteAria(group.title)}
      okText={t.delete}
      cancelText={common.cancel}
      onCancel={close}
      onOk={() => {
        ask(true)
        submit(lose)
      }}
      confirmLoading={asked && run.running}
      okButtonProps={{ danger: true, disabled: onlyCopy && !lose, 'data-testid': 'contents-delete-submit' }}
    >
      <div className="stack">
        <p style={{ margin: 0 }}>{t.deleteAsk}</p>
        <ul style={{ margin: 0 }}>{group.objects.map((o) => <li key={o.id}>{t.usage[o.usage]}{o.label ? `「${o.label}」` : ''}</li>)}</ul>
        {asked && <Problem error={run.error} testId="contents-delete-problem" />}
        {onlyCopy && <Checkbox checked={lose} onChange={(e) => setLose(e.target.checked)} data-testid="contents-lose">{t.lose}</Checkbox>}
      </div>
    </Modal>
  )
}

