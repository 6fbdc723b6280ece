import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ukeyState } from './job'
import { agentsQuery, keysQuery, nearbyQuery } from './queries'

/** The assistant and its keys as the page sees them. `running` = a job of this page is on the key now; `enabled` = somebody is logged in. */
export function useUKey({ running = false, enabled = true } = {}) {
  const [chosenId, choose] = useState<string | null>(null)
  const agents = useQuery({ ...agentsQuery, enabled })
  const nearby = useQuery({ ...nearbyQuery, enabled: (agents.data?.length ?? 0) > 0 })
  const online = agents.data?.filter((agent) => agent.online) ?? []
  const agent = online.find((a) => a.id === chosenId) ?? online.find((a) => a.id === nearby.data?.agentId) ?? online[0]
  const keys = useQuery({ ...keysQuery(agent?.id ?? ''), enabled: agent !== undefined && !running })
  const state = ukeyState({ online: agent !== undefined, listing: keys.isFetching, running, keys: agent && keys.data })
  return { state, agents, online, agent, choose, keys, refresh: () => void keys.refetch() }
}

export type UKey = ReturnType<typeof useUKey>
