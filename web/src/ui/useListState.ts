import { useSearchParams } from 'react-router'

export interface ListState {
  page: number
  size: number
  find: string
}

export const sizes = [5, 10, 20, 50] as const

/** Page, page size and search text, kept in the address so that back, reload and a copied link all work. */
export function useListState() {
  const [params, setParams] = useSearchParams()
  const state = listState(params)
  const change = (next: Partial<ListState>) => {
    const to = { ...state, page: 1, ...next }
    setParams((old) => {
      const kept = new URLSearchParams(old)
      put(kept, 'page', to.page === 1 ? '' : String(to.page))
      put(kept, 'size', to.size === sizes[0] ? '' : String(to.size))
      put(kept, 'find', to.find)
      return kept
    })
  }
  return { ...state, change }
}

export function listState(params: URLSearchParams): ListState {
  const page = Number(params.get('page'))
  const size = Number(params.get('size'))
  return {
    page: Number.isInteger(page) && page >= 1 && page <= 100_000 ? page : 1,
    size: sizes.find((s) => s === size) ?? sizes[0],
    find: params.get('find') ?? '',
  }
}

function put(params: URLSearchParams, name: string, value: string) {
  if (value) params.set(name, value)
  else params.delete(name)
}
