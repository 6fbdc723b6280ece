import { useMutation } from '@tanstack/react-query'
import { Button, Steps } from 'antd'
import type { Schema } from '@/api/client'
import { Problem } from '@/ui/Problem'
import { useNarrow } from '@/ui/useNarrow'
import { startApplication } from '../queries'
import { useText } from '../text'
import { useForgetWhenDone } from '../useForgetWhenDone'
import { useRenewal } from '../useRenewal'
import { steps, withdrawable, type Place } from '../wizard'
import { Head } from './Head'
import { History } from './History'
import { OnPC } from './OnPC'
import { PlaceBody } from './PlaceBody'
import { Withdraw } from './Withdraw'

type Application = Schema<'Application'>

/** 延期 by the present key: from the risk notice to a proved certificate on the key, resumable at every step. Source: S002-40…43. */
export function Renewal({ application }: { application: Application }) {
  const t = useText()
  const renewal = useRenewal(application)
  const narrow = useNarrow()
  useForgetWhenDone(application.state)
  const { place } = renewal
  const onPC = narrow && place !== 'risk' && place !== 'done' && place !== 'withdrawn' && place !== 'failed'
  return (
    <div className="stack" data-testid="wizard" data-place={place}>
      <Head application={application} />
      <section className="panel stack" aria-label={place in t.steps ? t.steps[place as keyof typeof t.steps] : t.course.act}>
        <Progress place={place} narrow={narrow} />
        {onPC ? <OnPC /> : <PlaceBody place={place} application={application} renewal={renewal} />}
      </section>
      {application.state === 'draft' && !renewal.run.running && application.certificateId && <ByReview certificateId={application.certificateId} />}
      {withdrawable(application.state) && !renewal.run.running && <Withdraw id={application.id} />}
      <History entries={application.timeline} />
    </div>
  )
}

function Progress({ place, narrow }: { place: Place; narrow: boolean }) {
  const t = useText()
  if (place === 'withdrawn' || place === 'failed') return null
  const current = place === 'done' ? steps.length : steps.indexOf(place)
  if (narrow) return <strong>{place === 'done' ? t.steps.done : `${t.stepOf(current + 1, steps.length)} ${t.steps[place]}`}</strong>
  return <Steps size="small" current={current} items={steps.map((step) => ({ title: t.steps[step] }))} />
}

/** For those who cannot sign with the present key: the same application, by stamped materials and review. */
function ByReview({ certificateId }: { certificateId: string }) {
  const { manual: t } = useText()
  const turn = useMutation(startApplication)
  return (
    <div className="panel row" style={{ padding: '12px 20px' }}>
      <span className="wrap todo-text">{t.offer} <span className="quiet">{t.text}</span></span>
      <Button onClick={() => turn.mutate({ kind: 'renew', certificateId })} loading={turn.isPending} data-testid="wizard-by-review">{t.act}</Button>
      <Problem error={turn.error} />
    </div>
  )
}
