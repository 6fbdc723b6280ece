import { useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { useState } from 'react'
import { minute } from '@/lib/time'
import { Ready } from '@/ui/Ready'
import type { Item } from '../documents'
import { versionQuery, versionsQuery } from '../queries'
import { useText } from '../text'
import { Changes } from './Changes'

const pageSize = 10

/** Earlier versions; one of them opens, and may be drafted anew. Nil/zero: without restore nobody may. */
export function History({ item, restore }: { item: Item; restore?: (document: string, version: number) => void }) {
  const t = useText()
  const [size, setSize] = useState(pageSize)
  const [open, setOpen] = useState(0)
  const query = useQuery(versionsQuery(item.kind, item.key, size))
  return (
    <section className="panel" data-testid="content-history">
      <h2 className="title">{t.history}</h2>
      <Ready query={query}>
        {({ items, more }) => (
          <>
            {items.length === 0 && <p className="quiet">{t.noHistory}</p>}
            <ul className="cards">
              {items.map((one) => (
                <li key={one.version}>
                  <div className="row">
                    <strong>{t.version(one.version)}</strong>
                    <span className="quiet">{minute(one.publishedAt)}{' · '}{one.author ? t.by(one.author, one.publisher ?? '') : t.outside}</span>
                    <Button size="small" aria-expanded={open === one.version} onClick={() => setOpen(open === one.version ? 0 : one.version)} data-testid={`content-version-${String(one.version)}`}>{t.show}</Button>
                  </div>
                  {one.note && <p className="wrap" style={{ margin: '8px 0 0' }}>{one.note}</p>}
                  {open === one.version && <One item={item} version={one.version} {...(restore && one.version !== item.version ? { restore } : {})} />}
                </li>
              ))}
            </ul>
            {more && size < 100 && <Button style={{ marginTop: 12 }} onClick={() => setSize(Math.min(100, size + pageSize))}>{t.more}</Button>}
          </>
        )}
      </Ready>
    </section>
  )
}

function One({ item, version, restore }: { item: Item; version: number; restore?: (document: string, version: number) => void }) {
  const t = useText()
  const query = useQuery(versionQuery(item.kind, item.key, version))
  return (
    <Ready query={query}>
      {({ changes = [], document }) => (
        <div className="stack" style={{ marginTop: 12 }}>
          <Changes label={t.changesOf} changes={changes} />
          {restore && document && <div><Button onClick={() => restore(document, version)} data-testid="content-restore">{t.restore}</Button></div>}
        </div>
      )}
    </Ready>
  )
}
