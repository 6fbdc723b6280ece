import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body } from '@/api/client'
import type { components } from '@/api/schema.gen'

export type Notice = components['schemas']['Notice']

export const noticesQuery = ({ page, size, unread }: { page: number; size: number; unread: boolean }) =>
  queryOptions({
    queryKey: ['notices', { page, size, unread }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/notices', { params: { query: { page, size, unread } }, signal })),
  })

/** What the bell shows; asked again every minute while the page is seen. */
export const unreadQuery = queryOptions({
  queryKey: ['notices', 'bell'],
  refetchInterval: 60_000,
  queryFn: ({ signal }) => body(api.GET('/notices', { params: { query: { page: 1, size: 1, unread: true } }, signal })),
})

export const readNotice = mutationOptions({
  mutationKey: ['notices', 'read'],
  meta: { changes: [['notices']] },
  mutationFn: (id: string) => body(api.POST('/notices/{id}/read', { params: { path: { id } } })),
})

export const readNotices = mutationOptions({
  mutationKey: ['notices', 'read-all'],
  meta: { changes: [['notices']] },
  mutationFn: () => body(api.POST('/notices/read')),
})

export type Preferences = components['schemas']['NoticePreferences']
export type Kind = components['schemas']['NoticeKind']
export type Webhook = components['schemas']['Webhook']
export type Delivery = components['schemas']['WebhookDelivery']

export const preferencesQuery = queryOptions({
  queryKey: ['notices', 'preferences'],
  queryFn: ({ signal }) => body(api.GET('/notices/preferences', { signal })),
})

export const savePreferences = mutationOptions({
  mutationKey: ['notices', 'preferences', 'save'],
  meta: { changes: [['notices', 'preferences']] },
  mutationFn: (choice: Preferences) => body(api.PUT('/notices/preferences', { body: choice })),
})

export const webhooksQuery = queryOptions({
  queryKey: ['webhooks'],
  queryFn: async ({ signal }) => (await body(api.GET('/webhooks', { signal }))).items,
})

export const deliveriesQuery = (id: string, page: number) =>
  queryOptions({
    queryKey: ['webhooks', id, 'deliveries', page],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/webhooks/{id}/deliveries', { params: { path: { id }, query: { page, size: 5 } }, signal })),
    // What waits is being sent just now.
    refetchInterval: (query) => (query.state.data?.items.some((d) => d.state === 'waiting') ? 2000 : false),
  })

const one = (id: string) => ({ params: { path: { id } } })
const changes = [['webhooks']]

export const addWebhook = mutationOptions({
  mutationKey: ['webhooks', 'add'],
  meta: { changes },
  mutationFn: (request: components['schemas']['WebhookRequest']) => body(api.POST('/webhooks', { body: request })),
})

export const setWebhook = mutationOptions({
  mutationKey: ['webhooks', 'set'],
  meta: { changes },
  mutationFn: ({ id, url, kinds, active }: Pick<Webhook, 'id' | 'url' | 'kinds'> & { active: boolean }) => body(api.PUT('/webhooks/{id}', { ...one(id), body: { url, kinds, active } })),
})

export const removeWebhook = mutationOptions({
  mutationKey: ['webhooks', 'remove'],
  meta: { changes },
  mutationFn: (id: string) => body(api.DELETE('/webhooks/{id}', one(id))),
})

export const testWebhook = mutationOptions({
  mutationKey: ['webhooks', 'test'],
  meta: { changes },
  mutationFn: (id: string) => body(api.POST('/webhooks/{id}/test', one(id))),
})

export const redeliver = mutationOptions({
  mutationKey: ['webhooks', 'again'],
  meta: { changes },
  mutationFn: (id: string) => body(api.POST('/webhook-deliveries/{id}/again', one(id))),
})
