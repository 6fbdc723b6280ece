import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Input } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { fileAddress } from '@/lib/file'
import { moment } from '@/lib/time'
import { CopyText } from '@/ui/CopyText'
import { Folded } from '@/ui/Folded'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Rows } from '@/ui/Rows'
import { Title } from '@/ui/Title'
import { Checkpoints } from '../parts/Checkpoints'
import { auditQuery, filled, verifyAudit, type AuditSearch } from '../queries'
import { useText } from '../text'

const nothing: AuditSearch = { by: '', act: '', object: '' }

/** 审计: search, verification of the chain, export. */
export function AuditPage() {
  const t = useText()
  const [search, setSearch] = useState(nothing)
  const [before, setBefore] = useState<number | null>(null)
  const query = useQuery(auditQuery(search, before))
  const verify = useMutation(verifyAudit)
  const at = (format: string) => fileAddress(`/admin/audit/export?${String(new URLSearchParams({ format, ...(format === 'jsonl' ? {} : filled(search)) }))}`)
  return (
    <>
      <Title text={t.title} extra={<Button type="primary" loading={verify.isPending} onClick={() => verify.mutate()} data-testid="audit-verify">{t.verify}</Button>} />
      <Problem error={verify.error} />
      {verify.data && <Finding found={verify.data} />}
      <Checkpoints />
      <Search search={(to) => { setSearch(to); setBefore(null) }} />
      <div className="row" style={{ marginBottom: 16 }}>
        <Button href={at('jsonl')} download data-testid="audit-export-jsonl">{t.exportChain}</Button>
        <Button href={at('csv')} download data-testid="audit-export-csv">{t.exportCsv}</Button>
        <Button href={at('xlsx')} download data-testid="audit-export-xlsx">{t.exportXlsx}</Button>
      </div>
      <Ready query={query}>
        {({ items, more }) => (
          <section aria-label={t.title} data-testid="audit-list">
            <div className={items.length === 0 ? 'panel' : 'panel dense'}>
              <Rows
                label={t.title}
                rows={items}
                rowKey={(e) => String(e.seq)}
                empty={t.none}
                columns={[
                  { key: 'seq', title: t.columns.seq, cell: (e) => e.seq },
                  { key: 'at', title: t.columns.at, cell: (e) => <span className="whole">{moment(e.at)}</span> },
                  { key: 'by', title: t.columns.by, cell: (e) => <span className="whole">{e.byName ?? e.by}</span> },
                  { key: 'act', title: t.columns.act, cell: (e) => <span className="mono whole">{e.act}</span> },
                  { key: 'object', title: t.columns.object, cell: (e) => <span className="mono" style={{ display: 'inline-block', minWidth: '9em' }}>{e.object}</span> },
                  { key: 'facts', title: t.columns.facts, cell: (e) => <span className="mono"><Folded text={e.facts} /></span> },
                ]}
              />
            </div>
            <div className="row" style={{ marginTop: 16 }}>
              {before !== null && <Button onClick={() => setBefore(null)}>{t.newest}</Button>}
              {more && <Button onClick={() => setBefore(items.at(-1)?.seq ?? null)} data-testid="audit-older">{t.older}</Button>}
            </div>
          </section>
        )}
      </Ready>
    </>
  )
}

function Search({ search }: { search: (to: AuditSearch) => void }) {
  const t = useText()
  const [text, setText] = useState(nothing)
  const names = { by: t.by, act: t.act, object: t.object }
  return (
    <form
      className="panel row"
      role="search"
      aria-label={t.search}
      style={{ padding: '12px 20px', marginBottom: 16 }}
      onSubmit={(event) => {
        event.preventDefault()
        search({ by: text.by.trim(), act: text.act.trim(), object: text.object.trim() })
      }}
    >
      {(['by', 'act', 'object'] as const).map((field) => (
        <label key={field}>
          {names[field]}{' '}
          <Input
            value={text[field]}
            maxLength={60}
            allowClear
            style={{ width: 200 }}
            {...(field === 'by' ? { placeholder: t.byHint } : {})}
            onChange={(event) => setText({ ...text, [field]: event.target.value })}
            data-testid={`audit-${field}`}
          />
        </label>
      ))}
      <Button htmlType="submit" type="primary" data-testid="audit-search">{t.search}</Button>
    </form>
  )
}

function Finding({ found }: { found: Schema<'AuditVerification'> }) {
  const t = useText()
  if (found.holds) {
    return (
      <Alert type="success" showIcon style={{ marginBottom: 16 }} data-testid="audit-holds" title={<>{t.holds(found.last - found.first + 1)} {(found.checkpoints ?? 0) > 0 && t.checkpoints(found.checkpoints ?? 0)}{found.anchor && <div>{t.anchor} <CopyText text={found.anchor} /></div>}</>} />
    )
  }
  return (
    <Alert
      type="error"
      showIcon
      style={{ marginBottom: 16 }}
      data-testid="audit-broken"
      title={<>{t.broken(found.brokenAt ?? 0)}{found.reason && ` · ${t.reasons[found.reason]}`}{found.entry && <div>{t.asItStands}<Entry entry={found.entry} /></div>}</>}
    />
  )
}

function Entry({ entry }: { entry: Schema<'AuditEntry'> }) {
  const t = useText()
  const facts: [string, string][] = [
    [t.columns.seq, String(entry.seq)],
    [t.columns.at, moment(entry.at)],
    [t.columns.by, entry.byName ?? entry.by],
    [t.columns.act, entry.act],
    [t.columns.object, entry.object],
    [t.columns.facts, entry.facts],
  ]
  return (
    <dl style={{ display: 'grid', gridTemplateColumns: 'auto 1fr', gap: '4px 12px', margin: '4px 0 0' }}>
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd style={{ margin: 0, overflowWrap: 'anywhere' }}>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
