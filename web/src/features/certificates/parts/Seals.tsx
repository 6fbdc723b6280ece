import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, DatePicker, Form, Input, Modal } from 'antd'
import type { Dayjs } from 'dayjs'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { minute } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { addSeal, remindSeals, removeSeal, sealsQuery } from '../queries'
import { useText } from '../text'

type Seal = Schema<'Seal'>

/** 未开标文件: what is sealed to this certificate's keys, and the holder's own entries. */
export function Seals({ certificateId }: { certificateId: string }) {
  const { seals: t } = useText()
  const query = useQuery(sealsQuery(certificateId))
  const [adding, setAdding] = useState(false)
  return (
    <section className="panel stack" aria-label={t.title} data-testid="seals">
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <h2 className="title" style={{ margin: 0 }}>{t.title}</h2>
        <Button onClick={() => setAdding(true)} data-testid="seal-add">{t.add}</Button>
      </div>
      <span className="quiet">{t.lead}</span>
      <Ready query={query}>
        {(items) => items.length === 0 ? <span data-testid="seals-none">{t.none}</span> : (
          <ul className="cards">
            {items.map((seal) => <li key={seal.id}><One seal={seal} certificateId={certificateId} /></li>)}
          </ul>
        )}
      </Ready>
      {adding && <Add certificateId={certificateId} close={() => setAdding(false)} />}
    </section>
  )
}

const tones = { open: 'soon', opened: 'good', released: 'quiet' } as const

function One({ seal, certificateId }: { seal: Seal; certificateId: string }) {
  const { seals: t } = useText()
  const remove = useMutation(removeSeal(certificateId))
  return (
    <div className="stack" style={{ gap: 6 }} data-testid="seal">
      <div className="row"><StateTag tone={tones[seal.state]} text={t.states[seal.state]} /><strong className="wrap">{seal.name}</strong>{seal.number && <span className="mono">{seal.number}</span>}</div>
      <span>{t.opens(minute(seal.opensAt))} · {seal.platform ? t.by(seal.platform) : t.own}{seal.remind && seal.state === 'open' ? ` · ${t.reminded}` : ''}</span>
      {!seal.platform && seal.state === 'open' && (
        <div><Button size="small" loading={remove.isPending} onClick={() => remove.mutate(seal.id)} aria-label={`${t.remove} ${seal.name}`} data-testid="seal-remove">{t.remove}</Button></div>
      )}
      <Problem error={remove.error} testId="seal-problem" />
    </div>
  )
}

function Add({ certificateId, close }: { certificateId: string; close: () => void }) {
  const { seals: t } = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ name: string; number?: string; opensAt: Dayjs }>()
  const add = useMutation({ ...addSeal(certificateId), onSuccess: close })
  return (
    <Modal open title={t.add} okText={t.save} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={add.isPending} okButtonProps={{ 'data-testid': 'seal-save' }}>
      <Form form={form} name="seal" layout="vertical" onFinish={({ name, number, opensAt }) => add.mutate({ name: name.trim(), ...(number?.trim() ? { number: number.trim() } : {}), opensAt: opensAt.toISOString() })}>
        <Form.Item name="name" label={t.name} rules={[{ required: true, whitespace: true }]}><Input maxLength={200} data-testid="seal-name" /></Form.Item>
        <Form.Item name="number" label={t.number}><Input maxLength={100} data-testid="seal-number" /></Form.Item>
        <Form.Item name="opensAt" label={t.opensAt} rules={[{ required: true }]}><DatePicker showTime={{ format: 'HH:mm' }} format="YYYY-MM-DD HH:mm" style={{ width: '100%' }} data-testid="seal-opens" /></Form.Item>
      </Form>
      <Problem error={add.error} testId="seal-add-problem" />
    </Modal>
  )
}

interface ChoiceProps {
  certificateId: string
  close: () => void
  choose: (consent: 'keep_old' | 'proceed') => void
}

/** What is sealed, and what the holder may choose before a renewal: wait, keep the old key, go on. */
export function SealChoice({ certificateId, close, choose }: ChoiceProps) {
  const { seals: t } = useText()
  const query = useQuery(sealsQuery(certificateId))
  const remind = useMutation({ ...remindSeals(certificateId), onSuccess: close })
  return (
    <Modal open title={t.choiceTitle} onCancel={close} footer={null}>
      <div className="stack" data-testid="seal-choice">
        <Alert type="warning" showIcon title={t.choiceLead} />
        <Ready query={query}>
          {(items) => (
            <ul>{items.filter((seal) => seal.state === 'open').map((seal) => <li key={seal.id}><strong>{seal.name}</strong> {seal.number} · {t.opens(minute(seal.opensAt))}</li>)}</ul>
          )}
        </Ready>
        <Problem error={remind.error} testId="seal-choice-problem" />
        <Button type="primary" block loading={remind.isPending} onClick={() => remind.mutate()} data-testid="seal-wait">{t.wait}</Button>
        <span className="quiet">{t.waitHint}</span>
        <Button block onClick={() => choose('keep_old')} data-testid="seal-keep">{t.keep}</Button>
        <span className="quiet">{t.keepHint}</span>
        <Button block danger onClick={() => choose('proceed')} data-testid="seal-proceed">{t.proceed}</Button>
      </div>
    </Modal>
  )
}
