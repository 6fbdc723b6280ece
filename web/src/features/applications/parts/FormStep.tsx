import { Checkbox, Form as Fields, Input, Radio, Select } from 'antd'
import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useLanguage } from '@/i18n/language'
import { problemText } from '@/i18n/problemText'
import { codeOf, Refusal } from '@/api/refusal'
import { moment } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { answerTo, fieldsOf, isRequired, missing, unanswered, type Asked, type FieldName } from '../course'
import { recordQuery, type Application } from '../queries'
import { useText } from '../text'
import type { Draft } from '../useDraft'
import { AddressForm } from './AddressForm'

interface Props {
  application: Application
  draft: Draft
  /** 下一步 was pressed: say what is missing. */
  tried: boolean
  open: boolean
}

/** 填写信息: the fields of the kind, each with what is on record today. */
export function FormStep({ application, draft, tried, open }: Props) {
  const t = useText()
  const { kind } = application
  const lacking = missing(kind, draft.form)
  const whole = draft.error !== null && !draft.errorField
  return (
    <div className="stack" data-testid="course-form">
      <p style={{ margin: 0 }}>{open ? t.form.lead : t.form.closed}</p>
      <Fields layout="vertical" component="div" disabled={!open}>
        {fieldsOf(kind, draft.form).map((name) => (
          <Field key={name} name={name} kind={kind} draft={draft} lacks={tried && lacking.includes(name)} tried={tried} />
        ))}
        {application.asked?.map((one) => (
          <Answer key={one.key} asked={one} draft={draft} lacks={tried && unanswered([one], draft.form).length > 0} tried={tried} />
        ))}
      </Fields>
      {draft.form.delivery === 'ship' && <AddressForm address={draft.address} tried={tried} />}
      {whole && <Problem error={draft.error} testId="course-form-problem" />}
      {open && <p className="quiet" role="status" style={{ margin: 0 }} data-testid="course-saved">{savedText()}</p>}
    </div>
  )

  function savedText() {
    if (draft.saving) return t.form.saving
    if (draft.errorField) return t.form.notSaved
    return draft.savedAt ? t.form.saved(moment(new Date(draft.savedAt).toISOString()).slice(11)) : t.form.autosave
  }
}

/** One of the questions that the project adds. */
function Answer({ asked, draft, lacks, tried }: { asked: Asked; draft: Draft; lacks: boolean; tried: boolean }) {
  const t = useText()
  const { language } = useLanguage()
  const english = language === 'en-US'
  const name = `extra.${asked.key}`
  const said = useSaid(name, draft, lacks, tried)
  const id = `course-${asked.key}`
  const help = english ? asked.helpEn || asked.helpZh : asked.helpZh
  const value = answerTo(draft.form, asked.key)
  const put = (next: string) => draft.answer(asked.key, next)
  const common = { id, 'data-testid': id, onBlur: () => draft.leave(name), style: { maxWidth: 420 }, ...(said ? { 'aria-describedby': `${id}-problem`, 'aria-invalid': true as const } : {}) }
  return (
    <Fields.Item
      label={english ? asked.en || asked.zh : asked.zh}
      htmlFor={id}
      required={asked.required}
      validateStatus={said ? 'error' : ''}
      help={said ? <span id={`${id}-problem`} role="alert" data-testid={`${id}-problem`}>{said}</span> : undefined}
      extra={help}
    >
      {asked.type === 'choice' ? (
        <Select
          {...common}
          value={value || null}
          placeholder={t.form.choose}
          allowClear={!asked.required}
          options={(asked.choices ?? []).map(({ zh, en }) => ({ value: zh, label: english ? en || zh : zh }))}
          onChange={(next: string | undefined) => put(next ?? '')}
        />
      ) : (
        <Input
          {...common}
          value={value}
          maxLength={asked.type === 'text' ? (asked.most ?? 200) : 30}
          {...(asked.type === 'date' ? { type: 'date' } : {})}
          {...(asked.type === 'number' ? { inputMode: 'decimal' as const } : {})}
          onChange={(event) => put(event.target.value)}
        />
      )}
    </Fields.Item>
  )
}

/** What is wrong with a field: refused by the server once it was left, or missing once the person wanted to go on. */
function useSaid(name: string, draft: Draft, lacks: boolean, tried: boolean): string {
  const t = useText()
  const { language } = useLanguage()
  const refused = draft.errorField === name && (tried || draft.left.has(name))
  const error = draft.error instanceof Refusal ? draft.error : null
  return refused && error ? problemText(codeOf(error) ?? 'invalid_field', error.params, language) : lacks ? t.form.missing : ''
}

function Field({ name, kind, draft, lacks, tried }: { name: FieldName; kind: Application['kind']; draft: Draft; lacks: boolean; tried: boolean }) {
  const t = useText()
  const now = useOnRecord(name)
  const said = useSaid(name, draft, lacks, tried)
  const id = `course-${name}`
  const described = said ? { 'aria-describedby': `${id}-problem`, 'aria-invalid': true as const } : {}
  return (
    <Fields.Item
      label={name === 'oldPhoneLost' ? null : t.fields[name]}
      htmlFor={id}
      required={isRequired(name, kind)}
      validateStatus={said ? 'error' : ''}
      help={said ? <span id={`${id}-problem`} role="alert" data-testid={`${id}-problem`}>{said}</span> : undefined}
      extra={now ? t.form.now(now) : t.hints[name]}
    >
      <Control id={id} name={name} kind={kind} draft={draft} described={described} />
    </Fields.Item>
  )
}

/** What the record says today of a field that would change. */
function useOnRecord(name: FieldName): string {
  const record = useQuery(recordQuery).data
  if (name === 'name') return record?.organisation.name ?? ''
  if (name === 'uscc') return record?.organisation.uscc ?? record?.organisation.orgCode ?? ''
  if (name === 'handlerName') return record?.handlerName ?? ''
  if (name === 'handlerPhone') return record?.handlerPhoneMasked ?? ''
  return ''
}

interface ControlProps {
  id: string
  name: FieldName
  kind: Application['kind']
  draft: Draft
  described: { 'aria-describedby'?: string; 'aria-invalid'?: true }
}

const longest: Partial<Record<FieldName, number>> = {
  name: 200, uscc: 18, legalRep: 100, handlerName: 100, handlerPhone: 11,
}

function Control({ id, name, kind, draft, described }: ControlProps): ReactNode {
  const t = useText()
  const { form, set, leave } = draft
  const common = { id, 'data-testid': id, ...described, onBlur: () => leave(name) }
  switch (name) {
    case 'oldPhoneLost':
      return <Checkbox {...common} checked={form.oldPhoneLost ?? false} onChange={(event) => set({ oldPhoneLost: event.target.checked })}>{t.fields.oldPhoneLost}</Checkbox>
    case 'delivery':
      return (
        <Radio.Group id={id} data-testid={id} value={form.delivery ?? null} onChange={(event) => set({ delivery: event.target.value as 'ship' | 'own' })}>
          {(['ship', 'own'] as const).map((value) => <Radio key={value} value={value} data-testid={`${id}-${value}`}>{t.deliveries[value]}</Radio>)}
        </Radio.Group>
      )
    case 'cause':
      return (
        <Radio.Group
          id={id}
          data-testid={id}
          value={form.cause ?? (kind === 'renew' ? '' : null)}
          onChange={({ target: { value } }) => set(value ? { cause: value as 'lost' | 'damaged' | 'stolen' } : { cause: undefined, delivery: undefined })}
        >
          {kind === 'renew' && <Radio value="" data-testid={`${id}-none`}>{t.atHand}</Radio>}
          {(['lost', 'damaged', 'stolen'] as const).map((value) => <Radio key={value} value={value} data-testid={`${id}-${value}`}>{t.causes[value]}</Radio>)}
        </Radio.Group>
      )
    case 'revocation':
      return (
        <Select
          {...common}
          value={form.revocation ?? null}
          style={{ maxWidth: 420 }}
          options={(['key_compromise', 'affiliation_changed', 'superseded', 'cessation'] as const).map((value) => ({ value, label: t.revocations[value] }))}
          onChange={(value) => set({ revocation: value })}
        />
      )
    case 'reason':
      return <Input.TextArea {...common} value={form.reason ?? ''} maxLength={500} autoSize={{ minRows: 2 }} style={{ maxWidth: 560 }} onChange={(event) => set({ reason: event.target.value })} />
    default:
      return (
        <Input
          {...common}
          value={form[name] ?? ''}
          maxLength={longest[name] ?? 200}
          style={{ maxWidth: 420 }}
          {...(name === 'handlerPhone' ? { inputMode: 'tel' as const } : {})}
          onChange={(event) => set({ [name]: name === 'uscc' ? event.target.value.toUpperCase() : event.target.value })}
        />
      )
  }
}
