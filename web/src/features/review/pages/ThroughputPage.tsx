import { useQuery } from '@tanstack/react-query'
import { Empty } from 'antd'
import { Fragment, type ReactNode } from 'react'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import { statisticsQuery } from '../queries'
import { useText } from '../text'

/** What waits and what is late, by queue, and who decided how much today and in seven days. */
export function ThroughputPage() {
  const t = useText()
  return (
    <>
      <Title text={t.throughput} extra={<LinkButton to="/admin/review">{t.toQueue}</LinkButton>} />
      <Ready query={useQuery(statisticsQuery)}>
        {({ waiting, claimed, returned, overdue, queues, people }) => (
          <div className="stack" data-testid="throughput">
            <ul className="tiles">
              {([['waiting', waiting, '/admin/review'], ['claimed', claimed, '/admin/review?state=reviewing'], ['overdue', overdue, '/admin/review?overdue=1'], ['returned', returned, '/admin/review?state=returned']] as const).map(([key, count, to]) => (
                <li key={key}><a href={to} data-testid={`throughput-${key}`}><strong style={{ fontSize: 26, ...(key === 'overdue' && count > 0 ? { color: '#9b1c22' } : {}) }}>{count}</strong><span>{t.figures[key]}</span></a></li>
              ))}
            </ul>
            <section className="panel" aria-label={t.queues} data-testid="throughput-queues">
              <h2 className="title">{t.queues}</h2>
              {queues.length === 0 ? <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.nothingWaits} /> : <Queues queues={queues} />}
            </section>
            <section className="panel" aria-label={t.people} data-testid="throughput-people">
              <h2 className="title">{t.people}</h2>
              {people.length === 0 ? <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.noPeople} /> : <><p className="quiet">{t.medianHint}</p><People people={people} /></>}
            </section>
          </div>
        )}
      </Ready>
    </>
  )
}

function Queues({ queues }: { queues: readonly Schema<'QueueFigure'>[] }) {
  const t = useText()
  const { kinds } = useCommon()
  return (
    <table className="ways people">
      <thead><tr>{[t.kind, t.project, t.figures.overdue, t.notDecided].map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
      <tbody>
        {queues.map((one) => (
          <tr key={`${one.project} ${one.kind}`}>
            <th scope="row"><a href={`/admin/review?kind=${one.kind}`}>{kinds[one.kind]}</a></th>
            <td>{one.project}</td>
            <td style={one.overdue > 0 ? { color: '#9b1c22', fontWeight: 600 } : {}}>{one.overdue}</td>
            <td>{one.waiting}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const decided = (f: Schema<'WorkFigures'>) => f.approved + f.returned + f.rejected

function People({ people }: { people: readonly Schema<'ReviewerFigure'>[] }) {
  const t = useText()
  const narrow = useNarrow()
  const most = Math.max(1, ...people.map((one) => decided(one.week)))
  const median = (f: Schema<'WorkFigures'>) => (f.median > 0 ? t.minutes(f.median) : '—')
  const columns: [title: string, cell: (one: Schema<'ReviewerFigure'>) => ReactNode][] = [
    [t.ofToday(t.done), (one) => decided(one.today)],
    [t.ofToday(t.wentBack), (one) => one.today.returned],
    [t.ofToday(t.median), (one) => median(one.today)],
    [t.ofWeek(t.done), (one) => <>{!narrow && <span className="share" style={{ width: `${60 * (decided(one.week) / most)}px` }} aria-hidden="true" />}{decided(one.week)}</>],
    [t.ofWeek(t.wentBack), (one) => one.week.returned],
    [t.ofWeek(t.refused), (one) => one.week.rejected],
    [t.ofWeek(t.median), (one) => median(one.week)],
    [t.ofMonth(t.done), (one) => one.month],
  ]
  if (narrow) {
    return (
      <ul className="cards">
        {people.map((one) => (
          <li key={one.name}>
            <h3 className="title">{one.name}</h3>
            <dl>{columns.map(([title, cell]) => <Fragment key={title}><dt>{title}</dt><dd>{cell(one)}</dd></Fragment>)}</dl>
          </li>
        ))}
      </ul>
    )
  }
  return (
    <table className="ways people">
      <thead><tr>{[t.person, ...columns.map(([title]) => title)].map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
      <tbody>
        {people.map((one) => (
          <tr key={one.name}><th scope="row">{one.name}</th>{columns.map(([title, cell]) => <td key={title}>{cell(one)}</td>)}</tr>
        ))}
      </tbody>
    </table>
  )
}
