import { Select } from 'antd'
import { useSearchParams } from 'react-router'
import { useText } from '../text'

/** A state kept in the address. Nil/zero: `otherwise` when the address names none; null = all of them. */
export function useStateParam<State extends string>(states: readonly State[], otherwise: State | null = null) {
  const [params, setParams] = useSearchParams()
  const named = params.get('state')
  const state = named === 'all' ? null : (states.find((s) => s === named) ?? otherwise)
  const choose = (value: State | null) =>
    setParams((old) => {
      const next = new URLSearchParams(old)
      next.delete('page')
      next.set('state', value ?? 'all')
      return next
    })
  return [state, choose] as const
}

interface Props<State extends string> {
  words: Record<State, string>
  value: State | null
  choose: (state: State | null) => void
  testId: string
}

export function StateFilter<State extends string>({ words, value, choose, testId }: Props<State>) {
  const t = useText()
  const states = Object.keys(words) as State[]
  return (
    <Select
      value={value ?? 'all'}
      aria-label={t.columns.state}
      style={{ minWidth: 170 }}
      data-testid={testId}
      options={[{ value: 'all', label: t.filter }, ...states.map((state) => ({ value: state, label: words[state] }))]}
      onChange={(next: string) => choose(states.find((state) => state === next) ?? null)}
    />
  )
}
