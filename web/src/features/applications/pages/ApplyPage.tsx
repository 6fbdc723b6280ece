import { useQuery } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { useState } from 'react'
import { yuan } from '@/lib/money'
import { lastProject } from '@/lib/place'
import { LinkButton } from '@/ui/LinkButton'
import { Title } from '@/ui/Title'
import { CertificateChoice } from '../parts/CertificateChoice'
import { policiesQuery, projectsQuery, type Kind } from '../queries'
import { useText } from '../text'

/** What leads elsewhere: pages that begin at the certificate. */
const links = { extend: '/account/certificates', unlock: '/account/certificates', recover: '/account/recoveries' } as const

type Offer = Kind | keyof typeof links

const groups: readonly { name: 'key' | 'change' | 'lost'; offers: readonly Offer[] }[] = [
  { name: 'key', offers: ['new', 'extend', 'renew'] },
  { name: 'change', offers: ['change_name', 'change_legal', 'change_handler'] },
  { name: 'lost', offers: ['unlock', 'suspend', 'resume', 'replace', 'recover', 'revoke'] },
]

/** 服务申请: what do you need, what does it take, what does it cost, when is it done. */
export function ApplyPage() {
  const { apply: t } = useText()
  const [kind, choose] = useState<Kind | null>(null)
  return (
    <>
      <Title text={t.page} extra={<LinkButton to="/account/applications">{t.toList}</LinkButton>} />
      <p className="quiet" style={{ marginTop: 0 }}>{t.lead}</p>
      <Closures />
      <div className="stack" style={{ gap: 24 }} data-testid="apply">
        {groups.map(({ name, offers }) => (
          <section key={name} aria-label={t.groups[name]}>
            <h2 className="title">{t.groups[name]}</h2>
            <ul className="offers">{offers.map((offer) => <OfferCard key={offer} offer={offer} choose={choose} />)}</ul>
          </section>
        ))}
      </div>
      {kind && <CertificateChoice kind={kind} close={() => choose(null)} />}
    </>
  )
}

/** The project the person has to do with: the last visited one, or the first. */
function useProject() {
  const projects = useQuery(projectsQuery).data
  const last = lastProject.read()
  return projects?.find(({ slug }) => slug === last) ?? projects?.[0]
}

/** What it takes there. */
function useTerms() {
  const slug = useProject()?.slug ?? ''
  return useQuery({ ...policiesQuery(slug), enabled: slug !== '' }).data
}

/** The times to come in which the project does not take everything. */
function Closures() {
  const { apply: t } = useText()
  const project = useProject()
  if (!project?.closed) return null
  const name = (kind: string) => kind === 'renew' ? t.bothExtensions : (kind in t.offers ? t.offers[kind as keyof typeof t.offers].title : kind)
  return (
    <Alert
      type="warning"
      showIcon
      data-testid="apply-closed"
      style={{ marginBottom: 16 }}
      title={<>{project.name}{project.closed.map((one) => <div key={one.from + one.to}>{t.closed(one.from, one.to, one.kinds.map(name).join(t.between), one.reason)}</div>)}</>}
    />
  )
}

function OfferCard({ offer, choose }: { offer: Offer; choose: (kind: Kind) => void }) {
  const { apply: t } = useText()
  const policies = useTerms()
  const project = useProject()
  const words = t.offers[offer]
  const policy = policies?.find(({ kind }) => kind === offer)
  const within = { extend: project?.renewDays, renew: project?.lateDays } as Partial<Record<Offer, number>>
  const days = within[offer]
  const precondition = days === undefined ? words.precondition : offer === 'extend' ? t.beforeEnd(days) : t.afterEnd(days)
  const cost = offer in links ? t.plain[offer as keyof typeof links].cost : policy ? (policy.priceCents === 0 ? t.free : yuan(policy.priceCents)) : '…'
  const time = offer in links ? t.plain[offer as keyof typeof links].time : policy ? (policy.steps === 0 ? t.atOnce : t.days(policy.workingDays)) : '…'
  return (
    <li>
      <h3>{words.title}</h3>
      <p>{words.text}</p>
      <dl>
        <dt>{t.precondition}</dt><dd>{precondition}</dd>
        <dt>{t.cost}</dt><dd>{cost}</dd>
        <dt>{t.time}</dt><dd>{time}</dd>
      </dl>
      {offer in links
        ? <LinkButton to={links[offer as keyof typeof links]} data-testid={`apply-${offer}`}>{t.go}</LinkButton>
        : <Button type="primary" onClick={() => choose(offer as Kind)} aria-label={t.startAria(words.title)} data-testid={`apply-${offer}`}>{t.start}</Button>}
    </li>
  )
}
