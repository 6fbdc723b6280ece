import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'

export const verifySignature = mutationOptions({
  mutationKey: ['verify'],
  mutationFn: (request: Schema<'VerifyRequest'>) => body(api.POST('/verify', { body: request })),
})

/** What anybody may know of a printed letter. */
export const letterQuery = (number: string) =>
  queryOptions({
    queryKey: ['letter', number],
    queryFn: ({ signal }) => body(api.GET('/public/letters/{number}', { params: { path: { number } }, signal })),
  })
