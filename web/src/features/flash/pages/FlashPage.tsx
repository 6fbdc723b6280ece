import { useLocation } from 'react-router'
import { BatchPage } from './BatchPage'
import { BatchesPage } from './BatchesPage'

/** 批量制证: all batches, or the one in the address. */
export function FlashPage() {
  const { pathname } = useLocation()
  const id = /^\/admin\/flash\/([\w-]+)/.exec(pathname)?.[1]
  return id ? <BatchPage id={id} /> : <BatchesPage />
}
