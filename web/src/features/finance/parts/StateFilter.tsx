import { Select } from 'antd'
import { useSearchParams } from 'react-router'
import { useText } from '../text'

/** The state that a list is narrowed to, kept in the address. */
export function useStateFilter<State extends string>(states: Record<State, string>, testId: string) {
  const t = useText()
  const [params, setParams] = useSearchParams()
  const keys = Object.keys(states) as State[]
  const state = keys.find((s) => s === params.get('state')) ?? null
  const filter = (
    <Select
      value={state ?? ''}
      aria-label={t.columns.state}
      style={{ minWidth: 130, marginBottom: 12 }}
      data-testid={testId}
      options={[{ value: '', label: t.all }, ...keys.map((value) => ({ value, label: states[value] }))]}
      onChange={(value: string) =>
        setParams((old) => {
          const next = new URLSearchParams(old)
          next.delete('page')
          if (value) next.set('state', value)
          else next.delete('state')
          return next
        })
      }
    />
  )
  return { state, filter }
}
