import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { App, Button, Result, Steps } from 'antd'
import { useEffect } from 'react'
import { useParams } from 'react-router'
import { JobProgress } from '@/agent/parts/JobProgress'
import { PairAgent } from '@/agent/parts/PairAgent'
import type { Schema } from '@/api/client'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import { ApplicationTag } from '../parts/ApplicationTag'
import { DoneStep } from '../parts/DoneStep'
import { History } from '../parts/History'
import { KeyStep } from '../parts/KeyStep'
import { OnPC } from '../parts/OnPC'
import { RiskStep } from '../parts/RiskStep'
import { WriteProgress } from '../parts/WriteProgress'
import { applicationQuery, withdraw } from '../queries'
import { useText } from '../text'
import { useRenewal, type Renewal } from '../useRenewal'
import { begunSerial, steps, withdrawable, written, type Place } from '../wizard'

type Application = Schema<'Application'>

/** 延期: from the risk notice to a proved certificate on the key, resumable at every step. Source: S002-40…43. */
export function RenewalPage() {
  const t = useText()
  const { id = '' } = useParams()
  const query = useQuery(applicationQuery(id))
  return (
    <>
      <Title text={t.page} extra={<LinkButton to="/account/certificates">{t.back}</LinkButton>} />
      <Ready query={query}>{(application) => <Wizard key={application.id} application={application} />}</Ready>
    </>
  )
}

function Wizard({ application }: { application: Application }) {
  const t = useText()
  const renewal = useRenewal(application)
  const narrow = useNarrow()
  useForgetWhenDone(application.state)
  const { place } = renewal
  const onPC = narrow && place !== 'risk' && place !== 'done' && place !== 'withdrawn' && place !== 'failed'
  return (
    <div className="stack" data-testid="wizard" data-place={place}>
      <Head application={application} />
      <section className="panel stack" aria-label={place in t.steps ? t.steps[place as keyof typeof t.steps] : t.page}>
        <Progress place={place} narrow={narrow} />
        {onPC ? <OnPC /> : <PlaceBody place={place} application={application} renewal={renewal} />}
      </section>
      {withdrawable(application.state) && !renewal.run.running && <Withdraw id={application.id} />}
      <History entries={application.timeline} />
    </div>
  )
}

function useForgetWhenDone(state: Application['state']) {
  const client = useQueryClient()
  useEffect(() => {
    if (state !== 'completed') return
    for (const queryKey of [['certificates'], ['services'], ['profile'], ['session'], ['keys']]) void client.invalidateQueries({ queryKey })
  }, [state, client])
}

function Head({ application }: { application: Application }) {
  const t = useText()
  return (
    <div className="row panel" style={{ padding: '12px 20px', columnGap: 24 }}>
      <span><span className="quiet">{t.number} </span><span className="mono" data-testid="wizard-number">{application.number}</span></span>
      <span><span className="quiet">{t.certificate} </span>{application.certificateName}</span>
      <span><span className="quiet">{t.serial} </span><span className="mono">{application.serialHex}</span></span>
      <span data-testid="wizard-state" data-state={application.state}><ApplicationTag state={application.state} /></span>
    </div>
  )
}

function Progress({ place, narrow }: { place: Place; narrow: boolean }) {
  const t = useText()
  if (place === 'withdrawn' || place === 'failed') return null
  const current = steps.indexOf(place)
  if (narrow) return <strong>{t.stepOf(current + 1, steps.length)} {t.steps[place]}</strong>
  return <Steps size="small" current={place === 'done' ? steps.length : current} items={steps.map((step) => ({ title: t.steps[step] }))} />
}

interface BodyProps {
  place: Place
  application: Application
  renewal: Renewal
}

function PlaceBody({ place, application, renewal }: BodyProps) {
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

function Withdraw({ id }: { id: string }) {
  const t = useText()
  const { modal } = App.useApp()
  const act = useMutation(withdraw)
  const ask = () => void modal.confirm({ title: t.withdraw, content: t.withdrawAsk, onOk: () => act.mutateAsync(id).catch(() => undefined) })
  return (
    <div className="stack">
      <Problem error={act.error} testId="wizard-withdraw-problem" />
      <div><Button onClick={ask} data-testid="wizard-withdraw">{t.withdraw}</Button></div>
    </div>
  )
}
