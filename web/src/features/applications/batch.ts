import { keepPreviousData, mutationOptions, queryOptions } from '@tanstack/react-query'
import { ended } from '@/agent/queries'
import type { TokenKey } from '@/agent/job'
import { api, body, type Schema } from '@/api/client'
import { useMessages } from '@/i18n/language'
import type { ListState } from '@/ui/useListState'
import { en } from './batch.en-US'
import { zh } from './batch.zh-CN'
import { signConsent, startEnrolment, type Application } from './queries'

export type Batch = Schema<'RenewalBatch'>
export type BatchItem = Schema<'RenewalItem'>
export type Phase = 'sign' | 'write'

/** How many certificates a batch takes. Source: renewMost in api/ra/renewalbatch.go. */
export const most = 50

export const useBatchText = () => useMessages(zh, en)

export const batchesQuery = ({ page, size }: ListState) =>
  queryOptions({
    queryKey: ['renewals', { page, size }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.GET('/renewal-batches', { params: { query: { page, size } }, signal })),
  })

/** One batch; while its order waits it is looked at again. */
export const batchQuery = (id: string) =>
  queryOptions({
    queryKey: ['renewals', 'one', id],
    staleTime: 0,
    queryFn: ({ signal }) => body(api.GET('/renewal-batches/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data?.order?.state === 'pending' ? 4_000 : false),
  })

export const createBatch = mutationOptions({
  mutationKey: ['renewals', 'create'],
  meta: { changes: [['renewals'], ['orders'], ['services']] },
  mutationFn: (certificateIds: string[]) => body(api.POST('/renewal-batches', { body: { certificateIds } })),
})

/** May it go into a batch: it can be renewed now, or could if its service were paid for. */
export const eligible = ({ renewable, renewBlock, openApplicationId }: Pick<Schema<'Certificate'>, 'renewable' | 'renewBlock' | 'openApplicationId'>) =>
  !openApplicationId && (renewable || renewBlock === 'service_unpaid')

/** Is there something to be done on a key. */
export const actable = ({ state }: Pick<BatchItem, 'state'>) => state === 'ready' || state === 'writing'

/** The plugged key that holds the certificate. Nil/zero: undefined when it is not plugged in, or its PIN is locked. */
export const keyOf = (item: Pick<BatchItem, 'certificate'>, keys: readonly TokenKey[]) =>
  keys.find((key) => !key.pinLocked && key.objects.some((object) => object.serialHex !== undefined && object.serialHex === item.certificate.serialHex))

/** Renews one certificate on its key: letter signed, new pair written and proved. What was done before is not done again. */
export async function renewOne(item: BatchItem, target: Schema<'JobTarget'>, tell: (phase: Phase) => void, signal: AbortSignal) {
  const id = item.certificate.id
  let application = await body(api.POST('/certificates/{id}/renewals', { params: { path: { id } }, signal }))
  if (application.state === 'draft') {
    tell('sign')
    await ended(await signConsent(application.id)(target), signal)
    application = await settled(application.id, (now) => now.state !== 'draft', signal)
  }
  tell('write')
  await ended(await startEnrolment(application.id)(target), signal)
  await settled(application.id, (now) => now.state === 'completed', signal)
}

/** A job that has gone well moves its application a moment later. */
async function settled(id: string, reached: (now: Application) => boolean, signal: AbortSignal): Promise<Application> {
  for (;;) {
    const now = await body(api.GET('/applications/{id}', { params: { path: { id } }, signal }))
    if (reached(now)) return now
    await new Promise((done) => setTimeout(done, 500))
  }
}
