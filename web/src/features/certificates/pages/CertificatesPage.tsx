import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import type { Schema } from '@/api/client'
import { DataTable, type Column } from '@/ui/DataTable'
import { LinkButton } from '@/ui/LinkButton'
import { Period } from '@/ui/Period'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { CertificateActions } from '../parts/CertificateActions'
import { CertificateTag } from '../parts/CertificateTag'
import { certificatesQuery } from '../queries'
import { useText } from '../text'

/** 我的证书. Source: S002-30, 31, 37…41. */
export function CertificatesPage() {
  const t = useText()
  const list = useListState()
  const query = useQuery(certificatesQuery(list))
  const columns = useColumns()
  return (
    <>
      <Title text={t.page} extra={<LinkButton to="/account/renewals" data-testid="certificates-renewals">{t.renewals}</LinkButton>} />
      <SearchBar key={list.find} label={t.find} value={list.find} search={(find) => list.change({ find })} testId="certificate-search" />
      <Ready query={query}>
        {({ items, page }) => (
          <DataTable label={t.page} columns={columns} rows={items} rowKey={(c) => c.id} page={page} change={list.change} busy={query.isPlaceholderData} testId="certificate-list" />
        )}
      </Ready>
    </>
  )
}

function useColumns(): Column<Schema<'Certificate'>>[] {
  const t = useText()
  const c = t.columns
  return [
    {
      key: 'serial',
      title: c.serial,
      width: 170,
      cell: (row) => <Link className="mono" to={`/account/certificates/${row.id}`} data-testid={`certificate-open-${row.serialHex}`}>{row.serialHex}</Link>,
    },
    { key: 'name', title: c.name, cell: (row) => row.name, width: 160 },
    { key: 'issuer', title: c.issuer, cell: (row) => row.issuerName, width: 140 },
    { key: 'period', title: c.period, cell: (row) => <Period from={row.notBefore} to={row.notAfter} word={t.to} />, width: 170 },
    { key: 'state', title: c.state, cell: (row) => <span data-testid={`certificate-state-${row.serialHex}`} data-state={row.state}><CertificateTag state={row.state} /></span> },
    { key: 'action', title: c.action, cell: (row) => <CertificateActions certificate={row} />, width: 260 },
  ]
}
