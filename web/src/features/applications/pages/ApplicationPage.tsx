import { useQuery } from '@tanstack/react-query'
import { useParams } from 'react-router'
import { useCommon } from '@/i18n/common'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import { stageOf } from '../course'
import { Course, CourseSteps } from '../parts/Course'
import { EndStage, ParcelStage, PayStage, ReviewStage } from '../parts/Elsewhere'
import { Head } from '../parts/Head'
import { History } from '../parts/History'
import { OnPC } from '../parts/OnPC'
import { PlaceBody } from '../parts/PlaceBody'
import { Renewal } from '../parts/Renewal'
import { Withdraw } from '../parts/Withdraw'
import { applicationQuery, type Application } from '../queries'
import { useText } from '../text'
import { useForgetWhenDone } from '../useForgetWhenDone'
import { useRenewal } from '../useRenewal'

/** One application, at whatever point of its life it is. */
export function ApplicationPage() {
  const t = useText()
  const { kinds } = useCommon()
  const { id = '' } = useParams()
  const query = useQuery(applicationQuery(id))
  const kind = query.data?.kind
  return (
    <>
      <Title text={kind ? kinds[kind] : t.list} extra={<LinkButton to="/account/applications">{t.toList}</LinkButton>} />
      <Ready query={query}>
        {(application) =>
          application.kind === 'renew' && !application.manual ? <Renewal key={application.id} application={application} /> : <Reviewed key={application.id} application={application} />
        }
      </Ready>
    </>
  )
}

/** An application that staff review. */
function Reviewed({ application }: { application: Application }) {
  const stage = stageOf(application)
  useForgetWhenDone(application.state)
  return (
    <div className="stack" data-testid="application" data-stage={stage}>
      <Head application={application} />
      <StageBody application={application} />
      {application.acts?.includes('withdraw') && <Withdraw id={application.id} />}
      <History entries={application.timeline} />
    </div>
  )
}

function StageBody({ application }: { application: Application }) {
  const t = useText()
  switch (stageOf(application)) {
    case 'edit':
      return <Course key={application.state} application={application} />
    case 'write':
      return <Write application={application} />
    case 'end':
      return application.state === 'completed' && application.enrolment ? <Write application={application} /> : <section className="panel"><EndStage application={application} /></section>
    case 'review':
      return <section className="panel" aria-label={t.course.act}><ReviewStage application={application} /></section>
    case 'pay':
      return <section className="panel" aria-label={t.course.act}><PayStage application={application} /></section>
    case 'parcel':
      return <section className="panel" aria-label={t.course.act}><ParcelStage application={application} /></section>
  }
}

/** 办理: the new pair is written to the key, as a renewal's is. */
function Write({ application }: { application: Application }) {
  const t = useText()
  const renewal = useRenewal(application)
  const narrow = useNarrow()
  const { place } = renewal
  return (
    <section className="panel stack" aria-label={t.course.act} data-testid="wizard" data-place={place}>
      {place !== 'done' && <CourseSteps application={application} step="act" />}
      {narrow && place !== 'done' ? <OnPC /> : <PlaceBody place={place} application={application} renewal={renewal} />}
    </section>
  )
}
