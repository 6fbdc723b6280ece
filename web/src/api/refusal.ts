import type { components } from './schema.gen'

type Problem = components['schemas']['Problem']
export type ErrorCode = components['schemas']['ErrorCode']

/** Codes of the contract; that no answer came; and what `conflict` means when a key says it. */
export type RefusalCode = ErrorCode | 'unreachable' | 'key_in_use'

export type Params = Record<string, unknown>

/** Why a call was refused, in the words of the contract. */
export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(
    readonly code: RefusalCode,
    readonly status: number,
    readonly requestId: string,
    readonly params: Params = {},
    readonly field: string | null = null,
  ) {
    super(code)
  }

  static from(problem: unknown, status: number): Refusal {
    if (!isProblem(problem)) return status >= 502 ? unreachable() : new Refusal('internal', status, '')
    return new Refusal(problem.code, problem.status, problem.requestId, problem.params ?? {}, problem.field ?? null)
  }
}

export const unreachable = () => new Refusal('unreachable', 0, '')

/** The code of an error, or null when it is no refusal. */
export const codeOf = (error: unknown): RefusalCode | null => (error instanceof Refusal ? error.code : null)

export const isSignedOut = (error: unknown) => {
  const code = codeOf(error)
  return code === 'unauthenticated' || code === 'session_expired'
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string'
}
