import { Route, Routes } from 'react-router'
import { ItemPage } from './ItemPage'
import { ListPage } from './ListPage'

/** 项目与内容: what there is of each kind, and the page of one item. */
export function ContentPages() {
  return (
    <Routes>
      <Route path="/admin/content/:kind/:key" element={<ItemPage />} />
      <Route path="*" element={<ListPage />} />
    </Routes>
  )
}
