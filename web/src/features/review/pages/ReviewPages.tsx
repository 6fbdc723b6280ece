import { Route, Routes } from 'react-router'
import { DeskPage } from './DeskPage'
import { QueuePage } from './QueuePage'
import { ThroughputPage } from './ThroughputPage'

/** 申请审核: the queue, one application, and how the work goes. */
export function ReviewPages() {
  return (
    <Routes>
      <Route path="/admin/review" element={<QueuePage />} />
      <Route path="/admin/review/throughput" element={<ThroughputPage />} />
      <Route path="/admin/review/:id" element={<DeskPage />} />
      <Route path="*" element={<QueuePage />} />
    </Routes>
  )
}
