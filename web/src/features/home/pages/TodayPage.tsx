import { useQuery } from '@tanstack/react-query'
import { Empty } from 'antd'
import { Link } from 'react-router'
import { sessionQuery } from '@/api/session'
import { useCommon } from '@/i18n/common'
import { yuan } from '@/lib/money'
import { day } from '@/lib/time'
import { ApplicationTag } from '@/ui/ApplicationTag'
import { Due } from '@/ui/Due'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { applicationsQuery, certificatesQuery, ordersQuery } from '../queries'
import { useText } from '../text'
import { thingsToDo, underWay, type Kind, type Thing } from '../today'

/** The first page after login: what waits for the person, and what is under way with others. */
export function TodayPage() {
  const t = useText()
  const session = useQuery(sessionQuery).data
  const applications = useQuery(applicationsQuery)
  const certificates = useQuery(certificatesQuery)
  const orders = useQuery(ordersQuery)
  if (!session) return null // the guard is on its way to the login
  return (
    <>
      <Title text={t.page} />
      <div className="stack" data-testid="today">
        <section className="panel" aria-label={t.todo}>
          <h2 className="title">{t.todo}</h2>
          <Ready query={applications}>
            {(mine) => (
              <Ready query={certificates}>
                {(held) => (
                  <Ready query={orders}>
                    {(unpaid) => <Things things={thingsToDo({ session, applications: mine, certificates: held, orders: unpaid })} />}
                  </Ready>
                )}
              </Ready>
            )}
          </Ready>
        </section>
        {applications.data && underWay(applications.data).length > 0 && <Going />}
        <Quick />
      </div>
    </>
  )
}

function Things({ things }: { things: readonly Thing[] }) {
  const t = useText()
  if (things.length === 0) {
    return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={<><strong>{t.none}</strong><div className="quiet">{t.noneText}</div></>} data-testid="today-none" />
  }
  return <ul className="todo">{things.map((thing) => <Line key={`${thing.kind}-${thing.id}`} thing={thing} />)}</ul>
}

const tones: Record<Kind, [Tone, 'urgent' | 'soon' | 'now']> = {
  returned: ['bad', 'urgent'], expired: ['bad', 'urgent'], write: ['good', 'now'], receipt: ['busy', 'now'],
  pay: ['soon', 'now'], expiring: ['soon', 'soon'], draft: ['quiet', 'soon'], verify: ['quiet', 'soon'],
}

function Line({ thing }: { thing: Thing }) {
  const t = useText()
  const [tone, word] = tones[thing.kind]
  return (
    <li data-testid={`today-${thing.kind}`}>
      <StateTag tone={tone} text={t[word]} />
      <span className="wrap todo-text"><Words thing={thing} /></span>
      <LinkButton to={thing.to} type={word === 'soon' ? 'default' : 'primary'}>{t.act[thing.kind]}</LinkButton>
    </li>
  )
}

function Words({ thing: { kind, application, certificate, order } }: { thing: Thing }) {
  const t = useText()
  const { kinds } = useCommon()
  const name = application ? `${kinds[application.kind]}${application.certificateName ? ` · ${application.certificateName}` : ''}` : (certificate?.name ?? order?.title ?? '')
  return (
    <>
      {t.things[kind](name)}
      <div className="quiet" style={{ fontSize: 14 }}>
        {application && t.detail.number(application.number)}
        {certificate && t.detail.until(day(certificate.notAfter))}
        {order && t.detail.order(order.number, yuan(order.amountCents))}
      </div>
    </>
  )
}

function Going() {
  const t = useText()
  const { kinds } = useCommon()
  const going = underWay(useQuery(applicationsQuery).data ?? [])
  return (
    <section className="panel" aria-label={t.going}>
      <h2 className="title">{t.going}</h2>
      <ul className="todo">
        {going.map((one) => (
          <li key={one.id} data-testid={`today-going-${one.number}`}>
            <ApplicationTag state={one.state} />
            <span className="wrap todo-text">
              <Link to={`/account/applications/${one.id}`}>{kinds[one.kind]}{one.certificateName && ` · ${one.certificateName}`}</Link>
              <div style={{ fontSize: 14 }}><Due application={one} /></div>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

const links = [
  ['/account/apply', 'apply'], ['/account/certificates', 'certificates'], ['/account/services', 'services'],
  ['/account/applications', 'applications'], ['/environment', 'environment'], ['/tools/verify', 'verify'],
] as const

function Quick() {
  const t = useText()
  return (
    <section aria-label={t.quick}>
      <h2 className="title">{t.quick}</h2>
      <ul className="tiles">
        {links.map(([to, key]) => (
          <li key={key}><Link to={to}><strong>{t.links[key]}</strong><span className="quiet">{t.linkHints[key]}</span></Link></li>
        ))}
      </ul>
    </section>
  )
}
