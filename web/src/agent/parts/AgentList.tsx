import { useMutation, useQuery } from '@tanstack/react-query'
import { App, Button } from 'antd'
import { minute } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import type { Agent } from '../job'
import { agentsQuery, unpair } from '../queries'
import { useText } from '../text'

/** The assistants that may act for this account, and the way to end that. */
export function AgentList() {
  const t = useText()
  const { modal } = App.useApp()
  const agents = useQuery(agentsQuery)
  const part = useMutation(unpair)
  const ask = (agent: Agent) =>
    void modal.confirm({ title: `${t.unpair} ${agent.name}`, content: t.unpairAsk, onOk: () => part.mutateAsync(agent.id) })
  return (
    <Ready query={agents}>
      {(items) => (
        <div className="stack" data-testid="agent-list">
          <Problem error={part.error} />
          {items.length === 0 && <span className="quiet">{t.noAgents}</span>}
          {items.map((agent) => (
            <div key={agent.id} className="row" style={{ justifyContent: 'space-between' }}>
              <span className="row">
                <strong>{agent.name}</strong>
                <StateTag tone={agent.online ? 'good' : 'quiet'} text={agent.online ? t.online : t.offline} />
                <span className="quiet">{t.pairedAt} {minute(agent.pairedAt)} · {t.lastSeen} {minute(agent.lastSeenAt)}</span>
              </span>
              <Button size="small" onClick={() => ask(agent)}>{t.unpair}</Button>
            </div>
          ))}
        </div>
      )}
    </Ready>
  )
}
