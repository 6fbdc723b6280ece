import { useQuery } from '@tanstack/react-query'
import { Result } from 'antd'
import { useCommon } from '@/i18n/common'
import { yuan } from '@/lib/money'
import { minute } from '@/lib/time'
import { Due } from '@/ui/Due'
import { LinkButton } from '@/ui/LinkButton'
import { policiesQuery, type Application } from '../queries'
import { useText } from '../text'
import { Reasons } from './ReturnedNote'

/** 提交成功 / 审核中: the number, the promise, and what comes next. */
export function ReviewStage({ application }: { application: Application }) {
  const t = useText()
  const { kinds } = useCommon()
  return (
    <Result
      status="info"
      title={<span data-testid="stage-review">{t.stages.review(kinds[application.kind])}</span>}
      subTitle={<div className="stack" style={{ gap: 4 }}><span>{t.number} <strong className="mono">{application.number}</strong></span><Due application={application} /></div>}
      extra={[
        <LinkButton key="list" to="/account/applications" type="primary">{t.stages.toList}</LinkButton>,
        <LinkButton key="home" to="/account/home">{t.stages.toHome}</LinkButton>,
      ]}
    >
      <WhatNext application={application} />
    </Result>
  )
}

function WhatNext({ application }: { application: Application }) {
  const { after: t, stages } = useText()
  const slug = application.projectSlug ?? ''
  const policy = useQuery({ ...policiesQuery(slug), enabled: slug !== '' }).data?.find(({ kind }) => kind === application.kind)
  const lines = [policy?.steps === 2 ? t.second : t.first]
  if (policy && policy.priceCents > 0 && !policy.payFirst) lines.push(t.payAfter(yuan(policy.priceCents)))
  lines.push(t.then[application.kind], t.told)
  return (
    <>
      <h2 className="title">{stages.next}</h2>
      <ol style={{ margin: 0, paddingInlineStart: 20 }}>{lines.map((line) => <li key={line}>{line}</li>)}</ol>
    </>
  )
}

/** 待支付: the way to the order. */
export function PayStage({ application }: { application: Application }) {
  const { stages: t } = useText()
  return (
    <Result
      status="warning"
      title={<span data-testid="stage-pay">{t.pay}</span>}
      subTitle={<>{application.priceCents !== undefined && <strong>{yuan(application.priceCents)} </strong>}{application.closesAt && t.payUntil(minute(application.closesAt))}</>}
      extra={application.orderId && <LinkButton type="primary" size="large" to={`/account/orders/${application.orderId}`} data-testid="stage-pay-open">{t.toOrder}</LinkButton>}
    />
  )
}

/** 待发货, 已发货, 已签收. */
export function ParcelStage({ application }: { application: Application }) {
  const { stages: t } = useText()
  const state = application.state === 'shipped' ? 'shipped' : application.state === 'received' ? 'received' : 'shipping'
  return (
    <Result
      status="info"
      title={<span data-testid="stage-parcel">{t[state]}</span>}
      subTitle={t.parcelText[state]}
      extra={<LinkButton type="primary" to="/account/receipts" data-testid="stage-parcel-open">{t.toReceipts}</LinkButton>}
    />
  )
}

/** An application that is over, where no certificate was written by it. */
export function EndStage({ application }: { application: Application }) {
  const t = useText()
  const { kinds } = useCommon()
  const name = kinds[application.kind]
  switch (application.state) {
    case 'completed':
      return <Result status="success" title={<span data-testid="stage-done">{t.done.title(name)}</span>} subTitle={t.after.done[application.kind]} extra={<LinkButton type="primary" to="/account/certificates">{t.back}</LinkButton>} />
    case 'rejected':
      return (
        <Result status="error" title={<span data-testid="stage-rejected">{t.stages.rejected(name)}</span>} extra={<LinkButton type="primary" to="/account/apply">{t.stages.again}</LinkButton>}>
          <Reasons application={application} />
        </Result>
      )
    case 'withdrawn':
      return <Result status="info" title={<span data-testid="stage-withdrawn">{t.withdrawn.title}</span>} subTitle={t.withdrawn.text} extra={<LinkButton to="/account/apply">{t.stages.again}</LinkButton>} />
    default:
      return <Result status="error" title={t.failed.title} subTitle={t.failed.text} />
  }
}
