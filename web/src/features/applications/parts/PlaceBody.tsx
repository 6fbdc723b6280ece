import { Button, Result } from 'antd'
import { JobProgress } from '@/agent/parts/JobProgress'
import { PairAgent } from '@/agent/parts/PairAgent'
import type { Schema } from '@/api/client'
import { Problem } from '@/ui/Problem'
import { useText } from '../text'
import type { Renewal } from '../useRenewal'
import { begunSerial, written, type Place } from '../wizard'
import { DoneStep } from './DoneStep'
import { KeyStep } from './KeyStep'
import { RiskStep } from './RiskStep'
import { WriteProgress } from './WriteProgress'

type Application = Schema<'Application'>

interface BodyProps {
  place: Place
  application: Application
  renewal: Renewal
}

/** What the person does with the key at each place of the way: connect, choose, sign, write. */
export function PlaceBody({ place, application, renewal }: BodyProps) {
  const t = useText()
  switch (place) {
    case 'risk':
      return <RiskStep notice={application.riskNotice} accept={renewal.accept} />
    case 'agent':
      return (
        <div className="stack">
          <p style={{ margin: 0 }}>{t.agentNext}</p>
          <Problem error={renewal.run.error} testId="wizard-problem" />
          <PairAgent ukey={renewal.ukey} />
        </div>
      )
    case 'key':
      return <KeyStep application={application} ukey={renewal.ukey} choose={renewal.choose} />
    case 'sign':
      return <SignStep renewal={renewal} />
    case 'write':
      return <WriteStep application={application} renewal={renewal} />
    case 'done':
      return <DoneStep application={application} />
    case 'withdrawn':
      return <Result status="info" title={t.withdrawn.title} subTitle={t.withdrawn.text} />
    case 'failed':
      return <Result status="error" title={t.failed.title} subTitle={t.failed.text} />
  }
}

function SignStep({ renewal }: { renewal: Renewal }) {
  const { sign: t, write } = useText()
  const { run } = renewal
  if (run.running) return <JobProgress job={run.job} online={renewal.ukey.agent !== undefined} cancel={run.cancel} />
  return (
    <div className="stack">
      <p style={{ margin: 0 }}>{t.lead}</p>
      <Problem error={run.error} testId="wizard-problem" />
      <Act renewal={renewal} label={run.error ? write.goOn : t.act} testId="wizard-sign" />
    </div>
  )
}

function WriteStep({ application, renewal }: { application: Application; renewal: Renewal }) {
  const { write: t } = useText()
  const { run } = renewal
  const begun = application.enrolment !== undefined
  const count = written(application, run.job)
  return (
    <div className="stack">
      <p style={{ margin: 0 }}>{run.running ? t.keep : begun ? t.resume : t.lead}</p>
      <WriteProgress count={count} running={run.running} />
      {run.running ? (
        <JobProgress job={run.job} online={renewal.ukey.agent !== undefined} begun={count >= 3} {...(count < 3 ? { cancel: run.cancel } : {})} />
      ) : (
        <>
          <Problem error={run.error} testId="wizard-problem" />
          <Act renewal={renewal} label={begun || run.error ? t.goOn : t.act} testId="wizard-write" fixed={begunSerial(application) !== ''} />
        </>
      )}
    </div>
  )
}

function Act({ renewal, label, testId, fixed = false }: { renewal: Renewal; label: string; testId: string; fixed?: boolean }) {
  const { sign: t } = useText()
  return (
    <div className="row">
      <Button type="primary" size="large" onClick={renewal.act} data-testid={testId}>{label}</Button>
      {!fixed && <Button size="large" onClick={() => renewal.choose('')} data-testid="wizard-other-key">{t.again}</Button>}
      <span className="quiet mono">{renewal.serial}</span>
    </div>
  )
}
