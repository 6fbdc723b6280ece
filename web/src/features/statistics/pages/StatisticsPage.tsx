import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Empty, Input, Segmented, Tag } from 'antd'
import type { ReactNode } from 'react'
import { useSearchParams } from 'react-router'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { useLanguage } from '@/i18n/language'
import { fileAddress } from '@/lib/file'
import { minute } from '@/lib/time'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { colours, issued, kinds } from '../chart'
import { Columns } from '../parts/Columns'
import { Fold, Table } from '../parts/Fold'
import { said, statisticsQuery, type Asked, type Step } from '../queries'
import { regionName } from '../regions'
import { useText } from '../text'

const steps: Step[] = ['day', 'week', 'month']
const none = <T,>(list: readonly T[]) => list.length === 0

/** 统计: what was issued and revoked, what is about to end, how reviewing went, by project and region. */
export function StatisticsPage() {
  const t = useText()
  const { language } = useLanguage()
  const [params, setParams] = useSearchParams()
  const asked: Asked = {
    by: steps.find((step) => step === params.get('by')) ?? 'day',
    from: params.get('from') ?? '', to: params.get('to') ?? '', project: params.get('project') ?? '', region: params.get('region') ?? '',
  }
  const query = useQuery(statisticsQuery(asked))
  const ask = (change: Partial<Asked>) => setParams(said({ ...asked, ...change }))
  const at = (format: string) => fileAddress(`/admin/statistics/export?${String(new URLSearchParams({ format, ...said(asked) }))}`)
  const projectName = query.data?.projects.find((p) => p.key === asked.project)?.name ?? asked.project
  return (
    <>
      <Title
        text={t.title}
        extra={<div className="row"><Button href={at('csv')} download data-testid="statistics-csv">{t.exportCsv}</Button><Button href={at('xlsx')} download data-testid="statistics-xlsx">{t.exportXlsx}</Button></div>}
      />
      <div className="panel row" role="search" aria-label={t.step} style={{ padding: '12px 20px', marginBottom: 16 }}>
        <Segmented aria-label={t.step} value={asked.by} onChange={(by) => ask({ by, from: '', to: '' })} options={steps.map((value) => ({ value, label: t.steps[value] }))} data-testid="statistics-by" />
        <label className="row">{t.from} <Input type="date" value={asked.from || (query.data?.from ?? '')} style={{ width: 150 }} onChange={(event) => ask({ from: event.target.value })} data-testid="statistics-from" /></label>
        <label className="row">{t.to} <Input type="date" value={asked.to || (query.data?.to ?? '')} style={{ width: 150 }} onChange={(event) => ask({ to: event.target.value })} data-testid="statistics-to" /></label>
        {(asked.project || asked.region) && (
          <span className="row" data-testid="statistics-narrowed">
            {t.narrowed}
            {asked.project && <Tag closable onClose={() => ask({ project: '' })}>{t.project(projectName)}</Tag>}
            {asked.region && <Tag closable onClose={() => ask({ region: '' })}>{t.region(regionName(asked.region, language))}</Tag>}
          </span>
        )}
      </div>
      <Ready query={query}>{(data) => <Shown data={data} ask={ask} />}</Ready>
    </>
  )
}

function Shown({ data, ask }: { data: Schema<'Statistics'>; ask: (change: Partial<Asked>) => void }) {
  const t = useText()
  const { language } = useLanguage()
  const { review } = data
  const reviews = review.approved + review.returned + review.rejected
  const time = t.inTime(data.from, data.to)
  const hours = (minutes: number) => (reviews === 0 ? '—' : t.hours((minutes / 60).toLocaleString(language)))
  const soon = data.ending.slice(0, 2).reduce((all, month) => all + month.count, 0)
  const cards: [keyof typeof t.cards, string, string][] = [
    ['issued', issued(data.total).toLocaleString(), time], ['revoked', data.total.revoked.toLocaleString(), time], ['active', data.active.toLocaleString(), t.now], ['ending', soon.toLocaleString(), t.now],
    ['median', hours(review.medianMinutes), t.workingTime], ['p90', hours(review.p90Minutes), t.workingTime], ['waiting', data.waiting.toLocaleString(), t.now], ['overdue', data.overdue.toLocaleString(), t.now],
  ]
  return (
    <div className="stack" data-testid="statistics">
      {!data.countedAt && <Alert type="info" showIcon title={t.notCounted} />}
      <dl className="figure-cards">
        {cards.map(([key, value, note]) => (
          <div key={key} className="panel" data-testid={`figure-${key}`}>
            <dt>{t.cards[key]}</dt>
            <dd><strong className={key === 'overdue' && data.overdue > 0 ? 'late' : ''}>{value}</strong><span className="quiet">{note}</span></dd>
          </div>
        ))}
      </dl>
      <Panel name={t.chart}><Series data={data} /></Panel>
      <Panel name={t.endingChart}><Ending data={data} /></Panel>
      <div className="figure-pair">
        <Panel name={t.review}>
          {reviews === 0 ? <Nothing text={t.noReview} /> : (
            <Table
              label={t.review}
              head={[t.review, t.total]}
              rows={(['approved', 'returned', 'rejected'] as const).map((key) => ({ key, cells: [t[key], <Share key={key} of={review[key]} most={reviews} />] }))}
            />
          )}
        </Panel>
        <Panel name={t.applications}><Applications list={data.applications} /></Panel>
      </div>
      <div className="figure-pair">
        <Panel name={t.parts.projects}><Parts what="projects" list={data.projects} name={(p) => p.name ?? p.key} choose={(project) => ask({ project })} /></Panel>
        <Panel name={t.parts.regions}><Parts what="regions" list={data.regions} name={(p) => regionName(p.key, language)} choose={(region) => ask({ region })} /></Panel>
      </div>
      <p className="quiet">{data.countedAt && t.countedAt(minute(data.countedAt))} {t.scope}</p>
    </div>
  )
}

function Panel({ name, children }: { name: string; children: ReactNode }) {
  return <section className="panel" aria-label={name} style={{ minWidth: 0 }}><h2 className="title">{name}</h2>{children}</section>
}

const Nothing = ({ text }: { text: string }) => <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={text} />

const Share = ({ of, most }: { of: number; most: number }) => <><span className="share" style={{ width: `calc((100% - 5em) * ${String(of / Math.max(1, most))})` }} aria-hidden="true" />{of.toLocaleString()}</>

function Series({ data }: { data: Schema<'Statistics'> }) {
  const t = useText()
  const all = issued(data.total)
  if (all + data.total.revoked === 0) return <Nothing text={t.empty} />
  const label = (date: string) => (data.by === 'month' ? date.slice(0, 7) : date.slice(5))
  const shown = [...kinds, 'revoked'] as const
  return (
    <>
      <ul className="legend">
        {shown.map((kind) => <li key={kind}><span className={kind === 'revoked' ? 'swatch diamond' : 'swatch'} style={{ background: colours[kind] }} aria-hidden="true" />{t.kinds[kind]} <strong>{data.total[kind].toLocaleString()}</strong></li>)}
      </ul>
      <Columns
        text={t.chartText(all, data.total.revoked, data.series.length)}
        columns={data.series.map(({ date, figures }) => ({
          key: date, label: label(date), title: `${date} · ${shown.filter((kind) => figures[kind] > 0).map((kind) => `${t.kinds[kind]} ${String(figures[kind])}`).join(' · ') || '0'}`,
          parts: kinds.map((kind) => ({ key: kind, colour: colours[kind], value: figures[kind] })),
          mark: { key: 'revoked', colour: colours.revoked, value: figures.revoked },
        }))}
      />
      <Fold
        name="series"
        head={[t.date, ...kinds.map((kind) => t.kinds[kind]), t.together, t.kinds.revoked]}
        rows={data.series.map(({ date, figures }) => ({ key: date, cells: [date, ...kinds.map((kind) => figures[kind]), issued(figures), figures.revoked] }))}
      />
    </>
  )
}

function Ending({ data }: { data: Schema<'Statistics'> }) {
  const t = useText()
  const all = data.ending.reduce((sum, { count }) => sum + count, 0)
  const month = (date: string) => date.slice(0, 7)
  return (
    <>
      <Columns
        values
        text={t.endingText(all)}
        columns={data.ending.map(({ date, count }) => ({ key: date, label: month(date), title: `${month(date)} · ${String(count)}`, parts: [{ key: 'ending', colour: colours.new, value: count }] }))}
      />
      <Fold name="ending" head={[t.month, t.endingCount]} rows={data.ending.map(({ date, count }) => ({ key: date, cells: [month(date), count] }))} />
    </>
  )
}

function Applications({ list }: { list: Schema<'StatisticsKind'>[] }) {
  const t = useText()
  const common = useCommon()
  if (none(list)) return <Nothing text={t.noApplications} />
  const found = [...new Set(list.map(({ kind }) => kind))]
  const most = Math.max(...found.map((kind) => list.reduce((all, one) => all + (one.kind === kind ? one.count : 0), 0)))
  return (
    <>
      <p className="quiet">{t.applicationsNote}</p>
      <ul className="kinds">
        {found.map((kind) => {
          const mine = list.filter((one) => one.kind === kind)
          return (
            <li key={kind}>
              <strong>{common.kinds[kind]}</strong>
              <div><Share of={mine.reduce((all, { count }) => all + count, 0)} most={most} /></div>
              <span className="quiet">{mine.map(({ state, count }) => `${common.states[state]} ${String(count)}`).join(' · ')}</span>
            </li>
          )
        })}
      </ul>
    </>
  )
}

type PartFigures = Schema<'StatisticsPart'>

function Parts({ what, list, name, choose }: { what: 'projects' | 'regions'; list: PartFigures[]; name: (part: PartFigures) => string; choose: (key: string) => void }) {
  const t = useText()
  if (none(list)) return <Nothing text={t.noParts} />
  return (
    <Table
      label={t.parts[what]}
      head={[t.partName[what], t.cards.active, t.cards.issued, t.cards.revoked]}
      rows={list.map((part) => ({
        key: part.key || 'none',
        cells: [
          part.key ? <Button key="name" type="link" className="wrap" style={{ padding: 0, height: 'auto', whiteSpace: 'normal', textAlign: 'start' }} onClick={() => choose(part.key)}>{name(part)}</Button> : t.none,
          part.active.toLocaleString(), issued(part.figures).toLocaleString(), part.figures.revoked.toLocaleString(),
        ],
      }))}
    />
  )
}
