import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'

export type Profile = Schema<'CertificateProfile'>
export type Trial = Schema<'ProfileTrial'>
export type Outcome = Schema<'ProfileTrialOutcome'>

export const profilesQuery = queryOptions({
  queryKey: ['profiles'],
  queryFn: ({ signal }) => body(api.GET('/admin/profiles', { signal })),
})

export const tryProfile = mutationOptions({
  mutationKey: ['profiles', 'trial'],
  mutationFn: (request: Trial) => body(api.POST('/admin/profiles/trial', { body: request })),
})
