import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { minute } from '@/lib/time'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { TokenTags } from '../parts/TokenTags'
import { myTokensQuery, type Token } from '../queries'
import { useText } from '../text'

const pathOf = (token: Token) => `/account/tokens/${encodeURIComponent(token.serial)}`

/** 我的 UKey: the organisation's keys in the register. */
export function TokensPage() {
  const t = useText()
  const list = useListState()
  const query = useQuery(myTokensQuery(list))
  const columns = useColumns()
  return (
    <>
      <Title text={t.mine} />
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.mine} columns={columns} rows={items} rowKey={(token) => token.serial} page={page} change={list.change} busy={query.isPlaceholderData} testId="token-list" />
        )}
      </Ready>
    </>
  )
}

function useColumns(): Column<Token>[] {
  const t = useText()
  const c = t.columns
  return [
    { key: 'serial', title: c.serial, cell: (token) => <Link className="mono" to={pathOf(token)} data-testid={`token-open-${token.serial}`}>{token.serial}</Link> },
    { key: 'label', title: c.label, cell: (token) => token.label || '—' },
    { key: 'model', title: c.model, cell: (token) => token.model || '—' },
    { key: 'state', title: c.state, cell: (token) => <TokenTags token={token} /> },
    { key: 'updated', title: c.updated, cell: (token) => minute(token.updatedAt) },
    { key: 'action', title: c.action, cell: (token) => <LinkButton size="small" to={pathOf(token)} data-testid={`token-pin-${token.serial}`}>{t.pin.open}</LinkButton> },
  ]
}
