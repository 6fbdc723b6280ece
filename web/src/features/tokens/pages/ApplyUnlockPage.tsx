import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Form, Input } from 'antd'
import { useState } from 'react'
import { Navigate, useNavigate, useParams } from 'react-router'
import { sessionQuery } from '@/api/session'
import { useSecondsUntil } from '@/lib/clock'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Loading } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { requestUnlock, sendUnlockCode, unlockQuery } from '../queries'
import { useText } from '../text'
import { lastUnlock } from '../unlockPlace'

/** 解锁, from the confirmed dialogue: the handler's SMS code, or a review by staff. Source: S002-52, 53. */
export function ApplyUnlockPage() {
  const t = useText()
  const { id = '' } = useParams()
  const known = lastUnlock.read(id)
  const open = useQuery({ ...unlockQuery(known), enabled: known !== '' })
  if (known && open.isPending) return <Loading />
  if (open.data?.state === 'pending' || open.data?.state === 'approved') return <Navigate to={`/account/unlocks/${known}`} replace />
  return (
    <>
      <Title text={t.apply} extra={<LinkButton to="/account/certificates">{t.toCertificates}</LinkButton>} />
      <ApplyForm certificateId={id} />
    </>
  )
}

function ApplyForm({ certificateId }: { certificateId: string }) {
  const { code: t } = useText()
  const session = useQuery(sessionQuery).data
  const navigate = useNavigate()
  const [code, setCode] = useState('')
  const send = useMutation(sendUnlockCode)
  const request = useMutation({
    ...requestUnlock,
    onSuccess: (work) => {
      lastUnlock.keep(certificateId, work.id)
      void navigate(`/account/unlocks/${work.id}`, { replace: true })
    },
  })
  return (
    <section className="panel stack" data-testid="unlock-apply">
      <p style={{ margin: 0 }}>{session?.phoneMasked ? t.leadPhone(session.phoneMasked) : t.lead}</p>
      <Alert type="info" showIcon title={session?.state === 'verified' ? t.at : t.unverified} />
      {send.data?.simulated && (
        <Alert
          type="warning"
          showIcon
          title={t.simulated}
          description={<a href="/api/v1/dev/outbox" target="_blank" rel="noreferrer">{t.outbox}</a>}
          data-testid="unlock-simulated"
        />
      )}
      <Problem error={send.error} testId="unlock-send-problem" />
      <Form layout="vertical" requiredMark onFinish={() => request.mutate({ certificateId, code })}>
        <Form.Item label={t.field} htmlFor="unlock-code" required>
          <div className="row">
            <Input
              id="unlock-code"
              data-testid="unlock-code"
              value={code}
              inputMode="numeric"
              autoComplete="one-time-code"
              style={{ width: 160 }}
              onChange={(event) => setCode(event.target.value.replace(/\D/g, '').slice(0, 6))}
            />
            <SendButton resendAt={send.data?.resendAt} busy={send.isPending} send={() => send.mutate(certificateId)} />
          </div>
        </Form.Item>
        <div className="stack">
          <Problem error={request.error} testId="unlock-problem" />
          <div><Button type="primary" size="large" htmlType="submit" disabled={code.length !== 6} loading={request.isPending} data-testid="unlock-submit">{t.submit}</Button></div>
        </div>
      </Form>
      <div className="stack" style={{ gap: 6 }}>
        <span className="quiet">{t.withoutHint}</span>
        <div><Button disabled={request.isPending} onClick={() => request.mutate({ certificateId, code: '' })} data-testid="unlock-without-code">{t.without}</Button></div>
        <span className="quiet">{t.help}</span>
      </div>
    </section>
  )
}

function SendButton({ resendAt, busy, send }: { resendAt: string | undefined; busy: boolean; send: () => void }) {
  const { code: t } = useText()
  const left = useSecondsUntil(resendAt)
  return (
    <Button onClick={send} disabled={left > 0} loading={busy} data-testid="unlock-send">
      {left > 0 ? t.wait(left) : resendAt ? t.again : t.send}
    </Button>
  )
}
