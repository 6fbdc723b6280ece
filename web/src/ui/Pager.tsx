import { Button, Select } from 'antd'
import type { Schema } from '@/api/client'
import { useCommon } from '@/i18n/common'
import { sizes, type ListState } from './useListState'

interface Props {
  page: Schema<'Page'>
  change: (next: Partial<ListState>) => void
}

/** Where the four buttons lead; null = nowhere, the button is disabled. */
export function pagerTargets(page: Pick<Schema<'Page'>, 'page' | 'pages'>) {
  const back = page.page > 1
  const on = page.page < page.pages
  return {
    first: back ? 1 : null,
    previous: back ? Math.min(page.page - 1, Math.max(page.pages, 1)) : null,
    next: on ? page.page + 1 : null,
    last: on ? page.pages : null,
  }
}

/** 共1页 1条记录 当前第1页 每页显示 5 条记录 首页 上页 下页 尾页. Source: S002-31. */
export function Pager({ page, change }: Props) {
  const { pager: t } = useCommon()
  const targets = pagerTargets(page)
  return (
    <nav className="pager" aria-label={t.label}>
      <span data-testid="pager-text">{t.total(Math.max(page.pages, 1), page.total, page.page)}</span>
      {page.more && <span data-testid="pager-more">{t.more(page.total)}</span>}
      <label className="row">
        {t.size}
        <Select
          size="small"
          value={page.size}
          aria-label={t.size}
          options={sizes.map((value) => ({ value, label: String(value) }))}
          onChange={(size: number) => change({ size })}
        />
        {t.rows}
      </label>
      <span className="row">
        {(['first', 'previous', 'next', 'last'] as const).map((where) => {
          const target = targets[where]
          return (
            <Button key={where} size="small" disabled={target === null} onClick={() => target !== null && change({ page: target })}>
              {t[where]}
            </Button>
          )
        })}
      </span>
    </nav>
  )
}
