import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { tellTabs, type Session } from '@/api/session'
import { learnServerTime } from '@/lib/clock'

/** What a login by any way answers: a session, or that it waits for its second factor. */
export type Entered = Session | Schema<'PendingLogin'>

export const isPending = (answer: object): answer is Schema<'PendingLogin'> => 'kinds' in answer

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

export const changePassword = mutationOptions({
  mutationKey: ['profile', 'password'],
  mutationFn: (request: Schema<'ChangePasswordRequest'>) => body(api.POST('/profile/password', { body: request })),
})

/** The same answer whether the phone has an account or not. */
export const sendResetCode = mutationOptions({
  mutationKey: ['reset', 'send'],
  mutationFn: async (request: Schema<'SendResetCodeRequest'>) => {
    const sent = await body(api.POST('/password-reset/codes', { body: request }))
    learnServerTime(sent.serverTime)
    return sent
  },
})

export const resetPassword = mutationOptions({
  mutationKey: ['reset'],
  mutationFn: (request: Schema<'ResetPasswordRequest'>) => body(api.POST('/password-reset', { body: request })),
})

export const sessionsQuery = queryOptions({
  queryKey: ['profile', 'sessions'],
  queryFn: async ({ signal }) => (await body(api.GET('/profile/sessions', { signal }))).items,
})

export const endSession = mutationOptions({
  mutationKey: ['profile', 'sessions', 'end'],
  mutationFn: (id: string) => body(api.DELETE('/profile/sessions/{id}', { params: { path: { id } } })),
})

export const audioCaptchaQuery = (turn: number) =>
  queryOptions({
    queryKey: ['captcha', 'audio', turn],
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    queryFn: () => body(api.POST('/captchas/audio')),
  })

export type AskCode = Schema<'AskCodeRequest'>
export type CodeSent = Schema<'CodeSent'>

/** Codes that anyone may ask for; the answer never tells whether the phone has an account. */
export const askCode = {
  register: async (request: AskCode) => learned(await body(api.POST('/registrations/codes', { body: bare(request) }))),
  login: async (request: AskCode) => learned(await body(api.POST('/session/codes', { body: bare(request) }))),
  number: async (request: AskCode) => learned(await body(api.POST('/number-questions/codes', { body: bare(request) }))),
  progress: async (request: AskThingCode) => learned(await body(api.POST('/progress/codes', { body: request }))),
  suspension: async (request: AskThingCode) => learned(await body(api.POST('/suspensions/codes', { body: request }))),
}

const bare = ({ phone, captcha, captchaId }: AskCode): AskCode => ({ phone, captcha, captchaId })

export type AskThingCode = Schema<'AskThingCodeRequest'>
export type ThingCode = Schema<'ThingCode'>

export const showProgress = mutationOptions({
  mutationKey: ['progress'],
  mutationFn: (request: ThingCode) => body(api.POST('/progress', { body: request })),
})

export const listSuspendable = mutationOptions({
  mutationKey: ['suspensions', 'list'],
  mutationFn: async (request: ThingCode) => (await body(api.POST('/suspensions/certificates', { body: request }))).items,
})

export const suspendCertificates = mutationOptions({
  mutationKey: ['suspensions'],
  mutationFn: async (request: Schema<'SuspensionRequest'>) => (await body(api.POST('/suspensions', { body: request }))).applications,
})

function learned(sent: CodeSent): CodeSent {
  learnServerTime(sent.serverTime)
  return sent
}

export const agreementQuery = queryOptions({ queryKey: ['agreement'], staleTime: Infinity, queryFn: () => body(api.GET('/agreement')) })

export const acceptAgreement = mutationOptions({
  mutationKey: ['agreement', 'accept'],
  mutationFn: (version: string) => body(api.PUT('/session/agreement', { body: { version } })),
})

export const register = mutationOptions({
  mutationKey: ['register'],
  mutationFn: (request: Schema<'RegistrationRequest'>) => body(api.POST('/registrations', { body: request })),
})

export const loginByCode = mutationOptions({
  mutationKey: ['login', 'code'],
  mutationFn: (request: Schema<'CodeLoginRequest'>) => body(api.POST('/session/code', { body: request })),
})

export const askNumber = mutationOptions({
  mutationKey: ['number'],
  mutationFn: (request: Schema<'NumberQuestion'>) => body(api.POST('/number-questions', { body: request })),
})

export const invitationQuery = (token: string) =>
  queryOptions({ queryKey: ['invitation', token], retry: false, queryFn: () => body(api.POST('/invitations/lookup', { body: { token } })) })

export const acceptInvitation = mutationOptions({
  mutationKey: ['invitation', 'accept'],
  mutationFn: (request: Schema<'AcceptInvitationRequest'>) => body(api.POST('/invitations/accept', { body: request })),
})

export const confirmEmail = mutationOptions({
  mutationKey: ['email', 'confirm'],
  mutationFn: (token: string) => body(api.POST('/email-confirmations', { body: { token } })),
})

export const setDisplayName = mutationOptions({
  mutationKey: ['profile', 'name'],
  mutationFn: (displayName: string) => body(api.POST('/profile/name', { body: { displayName } })),
})

export const sendPhoneCodes = mutationOptions({
  mutationKey: ['profile', 'phone', 'codes'],
  mutationFn: async (phone: string) => learned(await body(api.POST('/profile/phone/codes', { body: { phone } }))),
})

export const changePhone = mutationOptions({
  mutationKey: ['profile', 'phone'],
  mutationFn: (request: Schema<'ChangePhoneRequest'>) => body(api.POST('/profile/phone', { body: request })),
})

export const sendEmailLink = mutationOptions({
  mutationKey: ['profile', 'email'],
  mutationFn: async (email: string) => learned(await body(api.POST('/profile/email', { body: { email } }))),
})

export const requestClosure = mutationOptions({
  mutationKey: ['profile', 'closure'],
  mutationFn: (password: string) => body(api.POST('/profile/closure', { body: { password } })),
})

export const withdrawClosure = mutationOptions({
  mutationKey: ['profile', 'closure', 'withdraw'],
  mutationFn: () => body(api.DELETE('/profile/closure')),
})

export type Colleague = Schema<'Colleague'>
export type Join = Schema<'Join'>
export type CompanyKey = Schema<'CompanyKey'>

export const membersQuery = queryOptions({
  queryKey: ['members'],
  queryFn: async ({ signal }) => (await body(api.GET('/members', { signal }))).items,
})

export const joinsQuery = queryOptions({
  queryKey: ['members', 'joins'],
  queryFn: async ({ signal }) => (await body(api.GET('/members/joins', { signal }))).items,
})

const at = (id: string) => ({ params: { path: { id } } })

export const members = {
  invite: (request: Schema<'InviteRequest'>) => body(api.POST('/members/joins', { body: request })),
  decide: ({ id, accept }: { id: string; accept: boolean }) => body(api.POST('/members/joins/{id}/decision', { ...at(id), body: { accept } })),
  set: ({ id, member }: { id: string; member: Schema<'Member'> }) => body(api.POST('/members/{id}', { ...at(id), body: { member } })),
  remove: (id: string) => body(api.DELETE('/members/{id}', at(id))),
  transferCode: async () => learned(await body(api.POST('/members/transfer-code'))),
  transfer: ({ id, code }: { id: string; code: string }) => body(api.POST('/members/{id}/transfer', { ...at(id), body: { code } })),
}

export const servedQuery = queryOptions({
  queryKey: ['served'],
  queryFn: async ({ signal }) => (await body(api.GET('/session/organisations', { signal }))).items,
})

export const served = {
  /** Everything on the page is of the organisation before: it is loaded anew, as all other tabs must be. */
  act: async (organisationId: string) => {
    await body(api.PUT('/session/organisation', { body: { organisationId } }))
    tellTabs(organisationId)
    location.assign('/account/home')
  },
  join: (token: string) => body(api.POST('/session/organisations', { body: { token } })),
  ask: (request: Schema<'AskToJoinRequest'>) => body(api.POST('/session/organisations/requests', { body: request })),
}

export const companyKeysQuery = queryOptions({
  queryKey: ['company-keys'],
  queryFn: async ({ signal }) => (await body(api.GET('/company-keys', { signal }))).items,
})

export const companyKeys = {
  create: (request: Schema<'CompanyKeyRequest'>) => body(api.POST('/company-keys', { body: request })),
  revoke: (id: string) => body(api.DELETE('/company-keys/{id}', at(id))),
}

export type OrganisationFile = Schema<'OrganisationFile'>
export type Ticket = Schema<'Ticket'>
type Paging = { page: number; size: number }

export const organisationsQuery = (q: Paging & { status: Schema<'OrganisationStatus'>; search: string }) =>
  queryOptions({
    queryKey: ['organisations', q],
    queryFn: ({ signal }) => body(api.GET('/admin/organisations', { signal, params: { query: { page: q.page, size: q.size, status: q.status, ...(q.search ? { search: q.search } : {}) } } })),
  })

export const organisationQuery = (id: string) =>
  queryOptions({ queryKey: ['organisations', 'one', id], queryFn: ({ signal }) => body(api.GET('/admin/organisations/{id}', { ...at(id), signal })) })

export const verifyOrganisation = ({ id, ...request }: Schema<'VerificationRequest'> & { id: string }) =>
  body(api.POST('/admin/organisations/{id}/verification', { ...at(id), body: request }))

export const ticketsQuery = (q: Paging & { state: 'open' | 'answered' }) =>
  queryOptions({
    queryKey: ['tickets', q],
    queryFn: ({ signal }) => body(api.GET('/admin/tickets', { signal, params: { query: { page: q.page, size: q.size, state: q.state } } })),
  })

export const licenceAddress = (id: string) => `/api/v1/admin/tickets/${encodeURIComponent(id)}/licence`

export const answerTicket = ({ id, answer }: { id: string; answer: string }) => body(api.POST('/admin/tickets/{id}/answer', { ...at(id), body: { answer } }))
