import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Checkbox, Input } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { toBase64 } from '@/lib/bytes'
import { fileAddress } from '@/lib/file'
import { FilePick, type Picked } from '@/ui/FilePick'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { importHolders } from '../queries'
import { useText } from '../text'

const most = 10 << 20 // bytes a file; both together fit into a request

/** Legacy holders: a dry run that shows every problem row, then the import of the same files. */
export function ImportPage() {
  const t = useText()
  const [sheet, setSheet] = useState<Picked | null>(null)
  const [archive, setArchive] = useState<Picked | null>(null)
  const [fields, setFields] = useState({ batch: '', project: '', password: '', noStatus: false })
  const [report, setReport] = useState<Schema<'ImportReport'> | null>(null)
  const run = useMutation({ ...importHolders, onSuccess: setReport })
  const edit = (next: Partial<typeof fields>) => {
    setFields({ ...fields, ...next })
    setReport(null) // what was shown is not what would be done
  }
  const ready = sheet && archive && fields.batch.trim() && fields.password.length >= 6
  const send = (dryRun: boolean) => {
    if (!sheet || !archive) return
    run.mutate({
      sheet: toBase64(sheet.bytes), archive: toBase64(archive.bytes), batch: fields.batch.trim(), password: fields.password, noStatus: fields.noStatus, dryRun,
      ...(fields.project.trim() ? { project: fields.project.trim() } : {}),
    })
  }
  return (
    <>
      <Title text={t.title} />
      <div className="panel stack" style={{ padding: '16px 20px' }}>
        <p style={{ margin: 0 }}>{t.help}</p>
        <FilePick label={t.sheet} value={sheet} limit={most} testId="import-sheet" pick={(file) => { setSheet(file); setReport(null) }} />
        <FilePick label={t.archive} value={archive} limit={most} testId="import-archive" pick={(file) => { setArchive(file); setReport(null) }} />
        <label>{t.batch}<Input value={fields.batch} maxLength={60} data-testid="import-batch" onChange={(event) => edit({ batch: event.target.value })} /></label>
        <label>{t.project}<Input value={fields.project} maxLength={40} data-testid="import-project" onChange={(event) => edit({ project: event.target.value })} /></label>
        <label>{t.password}<Input.Password value={fields.password} maxLength={100} autoComplete="new-password" data-testid="import-password" onChange={(event) => edit({ password: event.target.value })} /></label>
        <Checkbox checked={fields.noStatus} onChange={(event) => edit({ noStatus: event.target.checked })}>{t.noStatus}</Checkbox>
        <Problem error={run.error} testId="import-problem" />
        <div className="row">
          <Button disabled={!ready} loading={run.isPending} onClick={() => send(true)} data-testid="import-dry-run">{t.dryRun}</Button>
          {report?.dryRun && report.imported > 0 && <Button type="primary" loading={run.isPending} onClick={() => send(false)} data-testid="import-commit">{t.commit}</Button>}
        </div>
      </div>
      {report && <Shown report={report} />}
      <Export />
    </>
  )
}

function RowText({ row }: { row: Schema<'ImportRow'> }) {
  const t = useText()
  return <>{row.field && `${t.fields[row.field] ?? row.field} · `}{t.says(row.detail)}</>
}

/** What was taken over, in the very form that an import takes. */
function Export() {
  const t = useText()
  const [batch, setBatch] = useState('')
  const at = (format: string) => fileAddress(`/admin/imports/holders?${String(new URLSearchParams({ format, ...(batch.trim() ? { batch: batch.trim() } : {}) }))}`)
  return (
    <section className="panel stack" aria-label={t.exportTitle} style={{ padding: '16px 20px', marginTop: 16 }}>
      <h2 className="title" style={{ margin: 0 }}>{t.exportTitle}</h2>
      <p style={{ margin: 0 }}>{t.exportHelp}</p>
      <label>{t.exportBatch}<Input value={batch} maxLength={60} data-testid="export-batch" onChange={(event) => setBatch(event.target.value)} /></label>
      <div className="row">
        <Button href={at('xlsx')} download data-testid="export-xlsx">{t.exportXlsx}</Button>
        <Button href={at('csv')} download data-testid="export-csv">{t.exportCsv}</Button>
        <Button href={at('zip')} download data-testid="export-zip">{t.exportZip}</Button>
      </div>
    </section>
  )
}

function Shown({ report }: { report: Schema<'ImportReport'> }) {
  const t = useText()
  return (
    <section className="stack" style={{ marginTop: 16 }} data-testid="import-report" data-dry={report.dryRun}>
      <Alert type={report.failed.length > 0 ? 'warning' : 'success'} showIcon title={t.figures(report.dryRun, report.rows, report.imported, report.unchanged, report.failed.length)} />
      <ul className="cards">
        {report.failed.map((row, i) => <li key={`f${i}`} className="wrap">✕ <strong>{t.row(row.row)}</strong> <RowText row={row} /></li>)}
        {report.warnings.map((row, i) => <li key={`w${i}`} className="wrap">! {t.warning} <strong>{t.row(row.row)}</strong> <RowText row={row} /></li>)}
      </ul>
      <h2 style={{ margin: 0 }}>{t.anchors}</h2>
      <ul>{report.anchors.map((a) => <li key={a.sha256} className="wrap">{a.name}{a.root ? ` (${t.root})` : ''} <span className="mono quiet">SHA-256 {a.sha256}</span></li>)}</ul>
    </section>
  )
}
