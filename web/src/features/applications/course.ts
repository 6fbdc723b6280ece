import type { Schema } from '@/api/client'
import type { Application, Form, Kind } from './queries'

/** The numbered steps of an application that is reviewed; at most five. Source: product.md §4. */
export const courseSteps = ['risk', 'form', 'materials', 'confirm', 'act'] as const
export type CourseStep = (typeof courseSteps)[number]

// 补办 says its own notice before it begins; what makes old files unreadable is said for 延期 and 变更. Source: S002-42, 54.
const risky: readonly Kind[] = ['renew', 'change_name']
const bare: readonly Kind[] = ['resume']
const papered: readonly Kind[] = ['new', 'renew', 'change_name', 'change_legal', 'replace', 'revoke']

/** The steps a kind has; a change of the handler takes papers only where codes to both phones cannot. */
export function stepsOf(kind: Kind, form: Form = {}): CourseStep[] {
  return courseSteps.filter((step) => {
    if (step === 'risk') return risky.includes(kind)
    if (step === 'form') return !bare.includes(kind)
    if (step === 'materials') return papered.includes(kind) || (kind === 'change_handler' && form.oldPhoneLost === true)
    return true
  })
}

/** Where in its life an application is: still with its holder, with staff, waiting for money, on its way, to be written, or over. */
export type Stage = 'edit' | 'review' | 'pay' | 'parcel' | 'write' | 'end'

export function stageOf({ state, acts }: Pick<Application, 'state' | 'acts'>): Stage {
  if (state === 'draft' || state === 'returned') return 'edit'
  if (state === 'pending' || state === 'reviewing' || state === 'second') return 'review'
  if (state === 'paying') return 'pay'
  if (state === 'completed' || state === 'withdrawn' || state === 'failed' || state === 'rejected') return 'end'
  if (acts?.includes('enrol')) return 'write'
  if (state === 'shipping' || state === 'shipped' || state === 'received') return 'parcel'
  return 'write'
}

export type FieldName = Exclude<keyof Form, 'extra'>

/** What a project asks beside the fields of the kind. */
export type Asked = Schema<'FormField'>

export const answerTo = (form: Form, key: string) => form.extra?.find((one) => one.key === key)?.value ?? ''

/** The keys of what is asked and still without an answer. */
export const unanswered = (asked: Asked[] | undefined, form: Form) => (asked ?? []).filter(({ key, required }) => required && !answerTo(form, key).trim()).map(({ key }) => key)

/** The fields of a kind's form; a renewal whose key is gone says where the new one comes from. The server's list is fieldsOf in api/ra/form.go. */
export function fieldsOf(kind: Kind, form: Form): FieldName[] {
  switch (kind) {
    case 'new': return ['delivery', 'reason']
    case 'renew': return form.cause ? ['cause', 'delivery', 'reason'] : ['cause', 'reason']
    case 'change_name': return ['name', 'uscc', 'reason']
    case 'change_legal': return ['legalRep', 'reason']
    case 'change_handler': return ['handlerName', 'handlerPhone', 'oldPhoneLost', 'reason']
    case 'replace': return ['cause', 'delivery', 'reason']
    case 'revoke': return ['revocation', 'reason']
    case 'suspend': return ['cause', 'reason']
    default: return []
  }
}

const optional: readonly FieldName[] = ['reason', 'oldPhoneLost', 'uscc']

/** Must it be filled in before the next step: the server says the same, later and about each in turn. */
export const isRequired = (field: FieldName, kind: Kind) => !optional.includes(field) && !(kind === 'renew' && field === 'cause')

/** What is still missing. */
export function missing(kind: Kind, form: Form): FieldName[] {
  const empty = (field: FieldName) => form[field] === undefined || form[field] === ''
  return fieldsOf(kind, form).filter((field) => isRequired(field, kind) && empty(field))
}

/** What is sent: only the fields that are shown, trimmed, without the empty ones. */
export function cleaned(kind: Kind, form: Form, asked: Asked[] = []): Form {
  const shown = fieldsOf(kind, form)
  const entries = Object.entries(form)
    .filter(([name]) => shown.includes(name as FieldName))
    .map(([name, value]) => [name, typeof value === 'string' ? value.trim() : value] as const)
    .filter(([, value]) => value !== '' && value !== undefined)
  const extra = asked.map(({ key }) => ({ key, value: answerTo(form, key).trim() })).filter(({ value }) => value !== '')
  return { ...Object.fromEntries(entries), ...(extra.length > 0 ? { extra } : {}) }
}

const aboutFiles: readonly string[] = ['material_missing', 'material_unclear', 'material_wrong', 'stamp_missing']

/** May the form be corrected: always in a draft; when returned, only if something else than files was wrong. */
export const formOpen = ({ state, reasons }: Pick<Application, 'state' | 'reasons'>) =>
  state === 'draft' || (state === 'returned' && (reasons ?? []).some((reason) => !aboutFiles.includes(reason)))
