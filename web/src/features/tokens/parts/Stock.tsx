import { useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { Ready } from '@/ui/Ready'
import { countsQuery, type Token } from '../queries'
import { useText } from '../text'

interface Props {
  states: readonly Token['state'][]
  choose: (model: string, state: Token['state'] | null) => void
}

/** How many keys of each model are in each state; a number shows those keys. */
export function Stock({ states, choose }: Props) {
  const t = useText()
  const query = useQuery(countsQuery)
  return (
    <Ready query={query}>
      {(counts) => {
        const models = [...new Set(counts.map((one) => one.model))]
        const used = states.filter((state) => counts.some((one) => one.state === state))
        if (models.length === 0) return null
        const of = (model: string, state: Token['state']) => counts.find((one) => one.model === model && one.state === state)?.count ?? 0
        return (
          <section className="panel" aria-label={t.stock.title} style={{ padding: '12px 20px', marginBottom: 16 }}>
            <strong>{t.stock.title}</strong>
            <ul style={{ listStyle: 'none', padding: 0, margin: '8px 0 0' }} data-testid="stock">
              {models.map((model) => (
                <li key={model} className="row" style={{ gap: '4px 12px', flexWrap: 'wrap', padding: '4px 0' }}>
                  <Button type="link" size="small" style={{ padding: 0, minWidth: 140, justifyContent: 'flex-start' }} onClick={() => choose(model, null)} data-testid={`stock-model-${model}`}>{model || t.stock.noModel}</Button>
                  {used.map((state) => {
                    const n = of(model, state)
                    return n > 0 && (
                      <Button key={state} size="small" onClick={() => choose(model, state)} aria-label={t.stock.show(model || t.stock.noModel, t.states[state], n)} data-testid={`stock-${model}-${state}`}>
                        {t.states[state]} {n}
                      </Button>
                    )
                  })}
                </li>
              ))}
            </ul>
          </section>
        )
      }}
    </Ready>
  )
}
