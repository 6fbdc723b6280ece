import { queryOptions } from '@tanstack/react-query'
import { permission } from '@/agent/loopback'
import { api, body } from '@/api/client'

/** Is the portal there, which version, and how far is this computer's clock ahead of it, in seconds. */
export const healthQuery = queryOptions({
  queryKey: ['environment', 'health'],
  staleTime: 0,
  retry: false,
  queryFn: async ({ signal }) => {
    const asked = Date.now()
    const health = await body(api.GET('/health', { signal }))
    const middle = (asked + Date.now()) / 2 // the answer was on its way for half of the time
    return { version: health.version, agentRelease: health.agentRelease ?? '', clockAhead: health.serverTime ? Math.round((middle - Date.parse(health.serverTime)) / 1000) : null }
  },
})

export const permissionQuery = queryOptions({ queryKey: ['environment', 'permission'], staleTime: 0, queryFn: permission })
