import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button, Result, Steps } from 'antd'
import { useEffect } from 'react'
import { useParams } from 'react-router'
import { PairAgent } from '@/agent/parts/PairAgent'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import { moment } from '@/lib/time'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import { PlugStep, SetPinStep } from '../parts/DeviceStep'
import { WorkTag } from '../parts/WorkTag'
import { startUnlock, unlockQuery, withdrawUnlock, type Work } from '../queries'
import { useText } from '../text'
import { isStep, placeOf, steps, type Place } from '../unlockPlace'

/** The guided page of an unlock application; it can be left and come back to at any step. Source: S002-53. */
export function UnlockPage() {
  const t = useText()
  const { id = '' } = useParams()
  const query = useQuery(unlockQuery(id))
  return (
    <>
      <Title text={t.unlock} extra={<LinkButton to="/account/certificates">{t.toCertificates}</LinkButton>} />
      <Ready query={query}>{(work) => <Guide key={work.id} work={work} />}</Ready>
    </>
  )
}

/** Application, job, assistant and key, and from these the place the person is at. */
function useUnlock(work: Work) {
  const started = useJobRun('unlock', startUnlock(work.id), work.activeJobId)
  // A job that has gone well moves the application a moment later; until then it counts as running.
  const running = started.running || (started.done && work.state === 'approved')
  const ukey = useUKey({ running })
  useQuery(unlockQuery(work.id, running))
  useForgetKeys(started.job?.state)
  const plugged = ukey.keys.data?.some((key) => key.serial === work.tokenSerial) ?? false
  const place = placeOf({ state: work.state, online: ukey.agent !== undefined, plugged, running })
  const act = () => started.run(ukey.agent ? { agentId: ukey.agent.id } : {})
  return { place, ukey, run: { ...started, running }, act }
}

/** What was plugged in, and its PIN, may be otherwise once a job has ended. */
function useForgetKeys(state: string | undefined) {
  const client = useQueryClient()
  useEffect(() => {
    if (state === 'waiting' || state === 'taken' || state === undefined) return
    for (const queryKey of [['keys'], ['unlocks'], ['tokens']]) void client.invalidateQueries({ queryKey })
  }, [state, client])
}

function Guide({ work }: { work: Work }) {
  const t = useText()
  const unlock = useUnlock(work)
  const { place } = unlock
  const open = work.state === 'pending' || work.state === 'approved'
  return (
    <div className="stack" data-testid="unlock" data-place={place}>
      <Head work={work} />
      <section className="panel stack" aria-label={isStep(place) ? t.steps[place] : t.unlock}>
        {isStep(place) && <Progress place={place} />}
        {work.state === 'approved' && work.expiresAt && <span className="quiet">{t.until(moment(work.expiresAt))}</span>}
        <PlaceBody work={work} unlock={unlock} />
      </section>
      {open && !unlock.run.running && <Withdraw id={work.id} />}
    </div>
  )
}

function Head({ work }: { work: Work }) {
  const t = useText()
  return (
    <div className="row panel" style={{ padding: '12px 20px', columnGap: 24 }}>
      <span><span className="quiet">{t.columns.number} </span><span className="mono" data-testid="unlock-number">{work.number}</span></span>
      <span><span className="quiet">{t.columns.serial} </span><span className="mono">{work.tokenSerial}</span></span>
      <span data-testid="unlock-state" data-state={work.state}><WorkTag state={work.state} /></span>
    </div>
  )
}

function Progress({ place }: { place: (typeof steps)[number] }) {
  const t = useText()
  const narrow = useNarrow()
  const current = steps.indexOf(place)
  if (narrow) return <strong>{t.stepOf(current + 1, steps.length)} {t.steps[place]}</strong>
  return <Steps size="small" current={place === 'done' ? steps.length : current} items={steps.map((step) => ({ title: t.steps[step] }))} />
}

function PlaceBody({ work, unlock }: { work: Work; unlock: ReturnType<typeof useUnlock> }) {
  const t = useText()
  const { place, ukey, run, act } = unlock
  switch (place) {
    case 'review':
      return <Alert type="info" showIcon role="status" title={t.waiting.title} description={t.waiting.text} data-testid="unlock-waiting" />
    case 'agent':
      return (
        <>
          <Problem error={run.error} testId="unlock-problem" />
          <PairAgent ukey={ukey} />
        </>
      )
    case 'key':
      return (
        <>
          <Problem error={run.error} testId="unlock-problem" />
          <PlugStep ukey={ukey} serial={work.tokenSerial} />
        </>
      )
    case 'act':
      return <SetPinStep ukey={ukey} run={run} serial={work.tokenSerial} act={act} />
    default:
      return <End work={work} place={place} />
  }
}

function End({ work, place }: { work: Work; place: Exclude<Place, 'review' | 'agent' | 'key' | 'act'> }) {
  const t = useText()
  const { title, text } = place === 'parked' ? t.parkedEnd : t[place]
  const status = { done: 'success', rejected: 'error', parked: 'warning', withdrawn: 'info', expired: 'info' } as const
  const again = place !== 'done' && place !== 'parked' && work.certificateId
  return (
    <Result
      status={status[place]}
      title={<span data-testid={`unlock-${place}`}>{title}</span>}
      subTitle={text}
      extra={again && <LinkButton type="primary" to={`/account/certificates/${work.certificateId}/unlock`} data-testid="unlock-again">{t.reapply}</LinkButton>}
    >
      {place === 'rejected' && work.note && <p className="wrap" style={{ margin: 0 }} data-testid="unlock-note">{t.columns.note}{': '}{work.note}</p>}
    </Result>
  )
}

function Withdraw({ id }: { id: string }) {
  const t = useText()
  const { modal } = App.useApp()
  const act = useMutation(withdrawUnlock)
  const ask = () => void modal.confirm({ title: t.withdraw, content: t.withdrawAsk, onOk: () => act.mutateAsync(id).catch(() => undefined) })
  return (
    <div className="stack">
      <Problem error={act.error} testId="unlock-withdraw-problem" />
      <div><Button onClick={ask} data-testid="unlock-withdraw">{t.withdraw}</Button></div>
    </div>
  )
}
