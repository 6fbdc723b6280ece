import { useMutation, useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import type { ReactNode } from 'react'
import { useNavigate, useParams } from 'react-router'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import { lastProject } from '@/lib/place'
import { certificateQuery, projectsQuery, startApplication, type Kind } from '../queries'
import { useText } from '../text'

const columns = ['change_name', 'change_legal', 'new'] as const
type Column = (typeof columns)[number]
const rows = ['materials', 'cycle', 'hint'] as const

/** 证书变更: three ways side by side, and one more below for the handler. Source: S002-44…50. */
export function ChangePage() {
  const { change: t } = useText()
  const { id = '' } = useParams()
  const query = useQuery(certificateQuery(id))
  return (
    <>
      <Title text={t.page} extra={<LinkButton to="/account/certificates">{t.back}</LinkButton>} />
      <Ready query={query}>
        {({ certificate }) => (
          <div className="stack" data-testid="change">
            <div className="quiet">{t.of} <strong>{certificate.name}</strong> <span className="mono">{certificate.serialHex}</span></div>
            <Choices certificateId={certificate.id} />
          </div>
        )}
      </Ready>
    </>
  )
}

function Choices({ certificateId }: { certificateId: string }) {
  const { change: t } = useText()
  const narrow = useNarrow()
  const navigate = useNavigate()
  const projects = useQuery(projectsQuery).data
  const slug = lastProject.read() ?? projects?.[0]?.slug ?? ''
  const start = useMutation({ ...startApplication, onSuccess: (application) => void navigate(`/account/applications/${application.id}`) })
  const begin = (kind: Kind) => start.mutate(kind === 'new' ? { kind, projectSlug: slug } : { kind, certificateId })
  const button = (column: Column) => (
    <Button type="primary" loading={start.isPending && start.variables.kind === column} onClick={() => begin(column)} data-testid={`change-${column}`}>{t.columns[column].button}</Button>
  )
  return (
    <>
      <Problem error={start.error} testId="change-problem" />
      {narrow ? <Stacked button={button} /> : <Beside button={button} />}
      <section className="panel row" style={{ justifyContent: 'space-between' }} aria-label={t.handler}>
        <span className="wrap todo-text">{t.handlerText}</span>
        <Button onClick={() => begin('change_handler')} loading={start.isPending && start.variables.kind === 'change_handler'} data-testid="change-change_handler">{t.handler}</Button>
      </section>
    </>
  )
}

interface Props {
  button: (column: Column) => ReactNode
}

function Beside({ button }: Props) {
  const { change: t } = useText()
  return (
    <div className="panel" style={{ overflowX: 'auto' }}>
      <table className="ways">
        <thead>
          <tr><td />{columns.map((column) => <th key={column} scope="col">{t.columns[column].title}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row}>
              <th scope="row">{t.rows[row]}</th>
              {columns.map((column) => <td key={column}><Cell column={column} row={row} /></td>)}
            </tr>
          ))}
          <tr><td />{columns.map((column) => <td key={column}>{button(column)}</td>)}</tr>
        </tbody>
      </table>
    </div>
  )
}

function Stacked({ button }: Props) {
  const { change: t } = useText()
  return (
    <ul className="cards">
      {columns.map((column) => (
        <li key={column}>
          <h2 className="title">{t.columns[column].title}</h2>
          {rows.map((row) => (
            <div key={row} style={{ marginBottom: 8 }}>
              <strong>{t.rows[row]}</strong>
              <Cell column={column} row={row} />
            </div>
          ))}
          {button(column)}
        </li>
      ))}
    </ul>
  )
}

function Cell({ column, row }: { column: Column; row: (typeof rows)[number] }) {
  const { change: t } = useText()
  if (row === 'materials') {
    const items = Object.values(t.columns[column].materials)
    return <ol style={{ margin: 0, paddingInlineStart: 20 }}>{items.map((item) => <li key={item}>{item}</li>)}</ol>
  }
  return <span>{t.columns[column][row]}</span>
}
