import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Modal } from 'antd'
import { useState } from 'react'
import { JobProgress } from '@/agent/parts/JobProgress'
import { PairAgent } from '@/agent/parts/PairAgent'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import { moment } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { useNarrow } from '@/ui/useNarrow'
import { applicationQuery, signConsent, type Application } from '../queries'
import { useText } from '../text'
import { KeyStep } from './KeyStep'
import { OnPC } from './OnPC'

/** 用现有 UKey 签署代替盖章: the letter of risks, or the request for revocation, signed with the present key; paper stays for those who cannot. Source: product.md, decision 3. */
export function SignInstead({ application }: { application: Application }) {
  const { consent: t } = useText()
  const [open, setOpen] = useState(false)
  const letter = application.kind === 'revoke' ? t.request : t.letter
  if (application.consentAt) {
    return <Alert type="success" showIcon title={t.signedAt(letter, moment(application.consentAt))} data-testid="course-consent-signed" />
  }
  if (!application.acts?.includes('sign_consent')) return null
  return (
    <>
      <Alert
        type="info"
        showIcon
        title={t.offer(letter)}
        description={application.kind === 'revoke' ? t.offerRequest : t.offerText}
        action={<Button onClick={() => setOpen(true)} data-testid="course-consent-open">{t.act}</Button>}
        data-testid="course-consent"
      />
      {open && (
        <Modal open title={letter} footer={null} onCancel={() => setOpen(false)} width={680}>
          <Sign application={application} close={() => setOpen(false)} />
        </Modal>
      )}
    </>
  )
}

function Sign({ application, close }: { application: Application; close: () => void }) {
  const { consent: t, sign: words } = useText()
  const narrow = useNarrow()
  const [serial, choose] = useState('')
  const run = useJobRun('sign', signConsent(application.id), application.activeJobId)
  const busy = run.running || run.done
  const ukey = useUKey({ running: busy })
  useQuery({ ...applicationQuery(application.id), refetchInterval: busy ? 1_000 : false })
  if (narrow) return <OnPC />
  if (busy) return <JobProgress job={run.job} online={ukey.agent !== undefined} {...(run.done ? {} : { cancel: run.cancel })} />
  return (
    <div className="stack">
      <section className="notice" lang="zh-CN" tabIndex={0} aria-label={application.riskNotice.title}><div className="prose">{application.riskNotice.text}</div></section>
      <Problem error={run.error} testId="course-consent-problem" />
      {!ukey.agent ? <PairAgent ukey={ukey} /> : serial ? (
        <div className="row">
          <Button type="primary" size="large" onClick={() => run.run({ tokenSerial: serial, ...(ukey.agent ? { agentId: ukey.agent.id } : {}) })} data-testid="course-consent-sign">{t.act}</Button>
          <Button size="large" onClick={() => choose('')}>{words.again}</Button>
          <span className="quiet mono">{serial}</span>
        </div>
      ) : (
        <KeyStep application={application} ukey={ukey} choose={choose} />
      )}
      <div><Button type="link" onClick={close}>{t.paper}</Button></div>
    </div>
  )
}
