import { Route, Routes } from 'react-router'
import { CertificatePage } from './CertificatePage'
import { SearchPage } from './SearchPage'

/** 证书查询 and the page of one certificate. */
export function InventoryPages() {
  return (
    <Routes>
      <Route path="/admin/certificates/:id" element={<CertificatePage />} />
      <Route path="*" element={<SearchPage />} />
    </Routes>
  )
}
