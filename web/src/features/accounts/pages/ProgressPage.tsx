import { useMutation } from '@tanstack/react-query'
import { Button, Form } from 'antd'
import { useState, type ReactNode } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { minute } from '@/lib/time'
import { ApplicationTag } from '@/ui/ApplicationTag'
import { Due } from '@/ui/Due'
import { Facts, type Fact } from '@/ui/Facts'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { useOpenText } from '../openText'
import { AskCode } from '../parts/AskCode'
import { SentCode } from '../parts/SentCode'
import { askCode, showProgress, type CodeSent } from '../queries'

type Progress = Schema<'Progress'>
type Sent = { number: string; phone: string; code: CodeSent }

/** 申请进度查询: by the application's number and a code to the handler's phone, without a login. */
export function ProgressPage({ history }: { history: (timeline: Progress['timeline']) => ReactNode }) {
  const { progress: t } = useOpenText()
  const [sent, setSent] = useState<Sent | null>(null)
  const [found, setFound] = useState<Progress | null>(null)
  const again = () => {
    setSent(null)
    setFound(null)
  }
  return (
    <div className="page page-narrow" style={{ maxWidth: 560 }}>
      <Title text={t.page} extra={<LinkButton to="/login">{t.toLogin}</LinkButton>} />
      {found ? (
        <div className="stack">
          <Shown progress={found} />
          {history(found.timeline)}
          <div className="row"><Button onClick={again} data-testid="progress-another">{t.again}</Button></div>
        </div>
      ) : (
        <section className="panel stack">
          <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
          {sent ? <Enter sent={sent} again={again} done={setFound} /> : <AskCode ask={askCode.progress} sent={setSent} testId="progress" about={{ label: t.number, example: t.example }} />}
        </section>
      )}
    </div>
  )
}

function Enter({ sent, again, done }: { sent: Sent; again: () => void; done: (progress: Progress) => void }) {
  const { progress: t } = useOpenText()
  const show = useMutation({ ...showProgress, onSuccess: done })
  return (
    <Form<{ code: string }> name="progress-code" layout="vertical" requiredMark={false} onFinish={({ code }) => show.mutate({ number: sent.number, phone: sent.phone, code: code.trim() })}>
      <SentCode sent={sent} again={again} testId="progress" />
      <div className="stack">
        <Problem error={show.error} testId="progress-problem" />
        <Button type="primary" htmlType="submit" size="large" block loading={show.isPending} data-testid="progress-submit">{t.submit}</Button>
      </div>
    </Form>
  )
}

function Shown({ progress }: { progress: Progress }) {
  const { progress: t } = useOpenText()
  const { kinds } = useCommon()
  const facts: Fact[] = [
    { key: 'number', label: t.number, value: <span className="mono">{progress.number}</span> },
    { key: 'kind', label: t.kind, value: kinds[progress.kind] },
    { key: 'state', label: t.state, value: <span data-testid="progress-state" data-state={progress.state}><ApplicationTag state={progress.state} /></span> },
    { key: 'submitted', label: t.submitted, value: progress.submittedAt ? minute(progress.submittedAt) : t.none },
    { key: 'due', label: t.due, value: progress.dueAt || progress.paused ? <Due application={progress} /> : t.none },
  ]
  if (progress.closesAt) facts.push({ key: 'closes', label: t.closes, value: minute(progress.closesAt) })
  return (
    <section className="panel" aria-label={t.result} data-testid="progress-found">
      <Facts columns={1} facts={facts} />
    </section>
  )
}
