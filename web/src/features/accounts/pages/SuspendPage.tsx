import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Checkbox, Empty, Form, Modal, Result } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { moment } from '@/lib/time'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { useOpenText } from '../openText'
import { AskCode } from '../parts/AskCode'
import { SentCode } from '../parts/SentCode'
import { askCode, suspendCertificates, listSuspendable, type CodeSent, type ThingCode } from '../queries'

type Suspendable = Schema<'Suspendable'>
type Sent = { number: string; phone: string; code: CodeSent }

/** 挂失 without a login: the organisation's number, a phone on record and its code. */
export function SuspendPage() {
  const { suspend: t } = useOpenText()
  const [sent, setSent] = useState<Sent | null>(null)
  const [list, setList] = useState<{ by: ThingCode; items: Suspendable[] } | null>(null)
  const [held, setHeld] = useState<string[] | null>(null)
  return (
    <div className="page page-narrow" style={{ maxWidth: 560 }}>
      <Title text={t.page} extra={<LinkButton to="/login">{t.toLogin}</LinkButton>} />
      {held ? (
        <Result status="success" title={<span data-testid="suspend-done">{t.done(held.length)}</span>} subTitle={t.doneText(held.join('、'))} extra={[<LinkButton key="login" type="primary" to="/login">{t.toLogin}</LinkButton>, <LinkButton key="home" to="/">{t.home}</LinkButton>]} />
      ) : (
        <section className="panel stack">
          <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
          {list ? <Choose {...list} done={setHeld} /> : sent ? <Enter sent={sent} again={() => setSent(null)} done={setList} /> : (
            <>
              <AskCode ask={askCode.suspension} sent={setSent} testId="suspend" about={{ label: t.number, example: t.example }} />
              <Alert type="info" showIcon title={t.careful} />
            </>
          )}
        </section>
      )}
    </div>
  )
}

function Enter({ sent, again, done }: { sent: Sent; again: () => void; done: (list: { by: ThingCode; items: Suspendable[] }) => void }) {
  const { suspend: t } = useOpenText()
  const look = useMutation({ ...listSuspendable, onSuccess: (items, by) => done({ by, items }) })
  return (
    <Form<{ code: string }> name="suspend-code" layout="vertical" requiredMark={false} onFinish={({ code }) => look.mutate({ number: sent.number, phone: sent.phone, code: code.trim() })}>
      <SentCode sent={sent} again={again} testId="suspend" />
      <div className="stack">
        <Problem error={look.error} testId="suspend-problem" />
        <Button type="primary" htmlType="submit" size="large" block loading={look.isPending} data-testid="suspend-look">{t.look}</Button>
      </div>
    </Form>
  )
}

function Choose({ by, items, done }: { by: ThingCode; items: Suspendable[]; done: (applications: string[]) => void }) {
  const { suspend: t } = useOpenText()
  const common = useCommon()
  const [chosen, setChosen] = useState<string[]>(() => (items.length === 1 ? items.map((one) => one.id) : []))
  const [asking, setAsking] = useState(false)
  const suspend = useMutation({ ...suspendCertificates, onSuccess: done, onSettled: () => setAsking(false) })
  if (items.length === 0) return <Empty description={t.nothing} />
  return (
    <div className="stack">
      <fieldset className="stack" style={{ border: 0, padding: 0, margin: 0 }}>
        <legend><strong>{t.choose}</strong></legend>
        {items.map((one) => (
          <Checkbox key={one.id} checked={chosen.includes(one.id)} onChange={(event) => setChosen(event.target.checked ? [...chosen, one.id] : chosen.filter((id) => id !== one.id))} data-testid={`suspend-${one.serialHex}`}>
            <span className="wrap">
              {one.name} · {one.issuerName}
              <span className="quiet" style={{ display: 'block' }}>{t.serial} <span className="mono">{one.serialHex}</span> · {t.until} {moment(one.notAfter)}</span>
            </span>
          </Checkbox>
        ))}
      </fieldset>
      <Problem error={suspend.error} testId="suspend-act-problem" />
      <Button type="primary" danger size="large" block disabled={chosen.length === 0} onClick={() => setAsking(true)} data-testid="suspend-submit">{t.submit}</Button>
      <Modal open={asking} title={t.confirm(chosen.length)} okText={t.submit} cancelText={common.cancel} okButtonProps={{ danger: true, 'data-testid': 'suspend-confirm' }} confirmLoading={suspend.isPending} onOk={() => suspend.mutate({ ...by, certificateIds: chosen })} onCancel={() => setAsking(false)}>
        {t.confirmText}
      </Modal>
    </div>
  )
}
