import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { learnServerTime } from '@/lib/clock'

const timed = <T extends { serverTime: string }>(answer: T): T => {
  learnServerTime(answer.serverTime)
  return answer
}

export const finishByCode = mutationOptions({
  mutationKey: ['second', 'code'],
  mutationFn: (code: string) => body(api.POST('/session/pending/code', { body: { code } })),
})

export const enrolLogin = mutationOptions({
  mutationKey: ['second', 'enrol'],
  mutationFn: () => body(api.POST('/session/pending/totp')),
})

export const confirmLogin = mutationOptions({
  mutationKey: ['second', 'confirm'],
  mutationFn: (request: Schema<'ConfirmTOTPRequest'>) => body(api.POST('/session/pending/totp/confirm', { body: request })),
})

export const startLoginScan = mutationOptions({
  mutationKey: ['second', 'scan'],
  mutationFn: async () => timed(await body(api.POST('/session/pending/scan'))),
})

/** How the code on screen fares, asked every second until it is decided. */
export const loginScanQuery = (id: string) =>
  queryOptions({
    queryKey: ['session-scan', id],
    gcTime: 0,
    refetchInterval: ({ state }: { state: { data: Schema<'Scan'> | undefined } }) => (state.data && !['waiting', 'scanned'].includes(state.data.state) ? false : 1000),
    queryFn: async ({ signal }): Promise<Schema<'Scan'>> => timed(await body(api.GET('/session/pending/scan', { signal }))),
  })

export const finishByScan = mutationOptions({
  mutationKey: ['second', 'finish'],
  mutationFn: () => body(api.POST('/session/pending/scan/finish')),
})

export const factorsQuery = queryOptions({
  queryKey: ['factors'],
  queryFn: ({ signal }) => body(api.GET('/factors', { signal })),
})

const changes = [['factors']]

export const enrolTOTP = mutationOptions({ mutationKey: ['factors', 'totp'], mutationFn: () => body(api.POST('/factors/totp')) })

export const confirmTOTP = mutationOptions({
  mutationKey: ['factors', 'totp', 'confirm'],
  meta: { changes },
  mutationFn: (request: Schema<'ConfirmTOTPRequest'>) => body(api.POST('/factors/totp/confirm', { body: request })),
})

export const startPhone = mutationOptions({ mutationKey: ['factors', 'phone'], mutationFn: async () => timed(await body(api.POST('/factors/phone'))) })

export const phoneScanQuery = (id: string) =>
  queryOptions({
    queryKey: ['phone-scan', id],
    gcTime: 0,
    refetchInterval: ({ state }: { state: { data: Schema<'Scan'> | undefined } }) => (state.data && state.data.state !== 'waiting' ? false : 1000),
    queryFn: async ({ signal }): Promise<Schema<'Scan'>> => timed(await body(api.GET('/factors/phone', { signal }))),
  })

export const confirmPhone = mutationOptions({
  mutationKey: ['factors', 'phone', 'confirm'],
  meta: { changes },
  mutationFn: (code: string) => body(api.POST('/factors/phone/confirm', { body: code ? { code } : {} })),
})

export const renewRecovery = mutationOptions({
  mutationKey: ['factors', 'recovery'],
  meta: { changes },
  mutationFn: (code: string) => body(api.POST('/factors/recovery', { body: { code } })),
})

export const removeFactor = mutationOptions({
  mutationKey: ['factors', 'remove'],
  meta: { changes },
  mutationFn: ({ id, code }: { id: string; code: string }) => body(api.POST('/factors/{id}/remove', { params: { path: { id } }, body: { code } })),
})
