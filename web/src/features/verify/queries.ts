import { mutationOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'

export const verifySignature = mutationOptions({
  mutationKey: ['verify'],
  mutationFn: (request: Schema<'VerifyRequest'>) => body(api.POST('/verify', { body: request })),
})
