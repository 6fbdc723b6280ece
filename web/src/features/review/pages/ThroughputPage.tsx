import { useQuery } from '@tanstack/react-query'
import { Empty } from 'antd'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { statisticsQuery } from '../queries'
import { useText } from '../text'

/** What waits, what is late, and who decided how much in thirty days. */
export function ThroughputPage() {
  const t = useText()
  return (
    <>
      <Title text={t.throughput} extra={<LinkButton to="/admin/review">{t.toQueue}</LinkButton>} />
      <Ready query={useQuery(statisticsQuery)}>
        {({ waiting, claimed, returned, overdue, people }) => {
          const most = Math.max(1, ...people.map((one) => one.approved + one.returned + one.rejected))
          return (
            <div className="stack" data-testid="throughput">
              <ul className="tiles">
                {([['waiting', waiting, '/admin/review'], ['claimed', claimed, '/admin/review?state=reviewing'], ['overdue', overdue, '/admin/review?overdue=1'], ['returned', returned, '/admin/review?state=returned']] as const).map(([key, count, to]) => (
                  <li key={key}><a href={to} data-testid={`throughput-${key}`}><strong style={{ fontSize: 26, ...(key === 'overdue' && count > 0 ? { color: '#9b1c22' } : {}) }}>{count}</strong><span>{t.figures[key]}</span></a></li>
                ))}
              </ul>
              <section className="panel" aria-label={t.people}>
                <h2 className="title">{t.people}</h2>
                {people.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.noPeople} />}
                {people.length > 0 && (
                  <table className="ways people">
                    <thead><tr>{[t.person, t.decisions.approve, t.decisions.return, t.decisions.reject, t.together].map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
                    <tbody>
                      {people.map((one) => {
                        const sum = one.approved + one.returned + one.rejected
                        return (
                          <tr key={one.name}>
                            <th scope="row">{one.name}</th><td>{one.approved}</td><td>{one.returned}</td><td>{one.rejected}</td>
                            <td><span className="share" style={{ width: `calc((100% - 3em) * ${sum / most})` }} aria-hidden="true" />{sum}</td>
                          </tr>
                        )
                      })}
                    </tbody>
                  </table>
                )}
              </section>
            </div>
          )
        }}
      </Ready>
    </>
  )
}
