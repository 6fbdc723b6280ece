import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { learnServerTime } from '@/lib/clock'

/** One captcha; `turn` counts up for another. It is made for one use, so it is never served from the cache. */
export const captchaQuery = (turn: number) =>
  queryOptions({
    queryKey: ['captcha', turn],
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    queryFn: () => body(api.POST('/captchas')),
  })

export const login = mutationOptions({
  mutationKey: ['login'],
  mutationFn: async (request: Schema<'LoginRequest'>) => {
    const session = await body(api.POST('/session', { body: request }))
    learnServerTime(session.serverTime)
    return session
  },
})

export const logout = mutationOptions({
  mutationKey: ['logout'],
  mutationFn: () => body(api.DELETE('/session')),
})

export const supplementQuery = queryOptions({
  queryKey: ['supplement'],
  queryFn: async ({ signal }) => {
    const supplement = await body(api.GET('/supplement', { signal }))
    learnServerTime(supplement.serverTime)
    return supplement
  },
})

export const sendCode = mutationOptions({
  mutationKey: ['supplement', 'send'],
  mutationFn: async (phone: string) => {
    const sent = await body(api.POST('/supplement/codes', { body: { phone } }))
    learnServerTime(sent.serverTime)
    return sent
  },
})

export const checkCode = mutationOptions({
  mutationKey: ['supplement', 'check'],
  mutationFn: (request: Schema<'CheckCodeRequest'>) => body(api.POST('/supplement/codes/check', { body: request })),
})

export const completeSupplement = mutationOptions({
  mutationKey: ['supplement', 'complete'],
  mutationFn: (request: Schema<'CompleteSupplementRequest'>) => body(api.POST('/supplement', { body: request })),
})

export const profileQuery = queryOptions({
  queryKey: ['profile'],
  queryFn: ({ signal }) => body(api.GET('/profile', { signal })),
})
