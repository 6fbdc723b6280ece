import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Input, Radio } from 'antd'
import { useState } from 'react'
import { codeOf } from '@/api/refusal'
import { useCommon } from '@/i18n/common'
import { useLanguage } from '@/i18n/language'
import { useSecondsUntil } from '@/lib/clock'
import { yuan } from '@/lib/money'
import { Facts, type Fact } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { answerTo, fieldsOf, type FieldName } from '../course'
import { addressQuery, policiesQuery, recordQuery, sendHandlerCode, submitApplication, type Application } from '../queries'
import { useText } from '../text'

/** What submitting needs beside the form. */
export interface Answers {
  sealConsent?: 'keep_old' | 'proceed'
  oldCode: string
  newCode: string
}

export function useSubmit(application: Application, done: () => void) {
  const [answers, answer] = useState<Answers>({ oldCode: '', newCode: '' })
  const submit = useMutation({ ...submitApplication, onSuccess: done })
  const go = () =>
    submit.mutate({
      id: application.id,
      ...(answers.sealConsent ? { sealConsent: answers.sealConsent } : {}),
      ...(answers.oldCode ? { oldCode: answers.oldCode } : {}),
      ...(answers.newCode ? { newCode: answers.newCode } : {}),
    })
  return { answers, answer: (change: Partial<Answers>) => answer((old) => ({ ...old, ...change })), go, busy: submit.isPending, error: submit.error }
}

export type Submit = ReturnType<typeof useSubmit>

/** 确认提交: everything once more on one page, and what comes after. */
export function ConfirmStep({ application, submit }: { application: Application; submit: Submit }) {
  return (
    <div className="stack" data-testid="course-confirm">
      <Facts facts={useSummary(application)} columns={1} />
      {application.kind === 'change_handler' && <Codes application={application} submit={submit} />}
      {codeOf(submit.error) === 'sealed_bids' || submit.answers.sealConsent ? <Seals application={application} submit={submit} /> : null}
      <Next application={application} />
      <Problem error={submit.error} testId="course-submit-problem" />
    </div>
  )
}

function useSummary(application: Application): Fact[] {
  const t = useText()
  const { kinds } = useCommon()
  const english = useLanguage().language === 'en-US'
  const record = useQuery(recordQuery).data
  const form = application.form ?? {}
  const to = useQuery({ ...addressQuery(application.id), enabled: form.delivery === 'ship' }).data
  const before: Partial<Record<FieldName, string | undefined>> = {
    name: record?.organisation.name, uscc: record?.organisation.uscc ?? record?.organisation.orgCode, handlerName: record?.handlerName, handlerPhone: record?.handlerPhoneMasked,
  }
  const facts: Fact[] = [{ key: 'kind', label: t.kind, value: kinds[application.kind] }]
  if (application.organisationName) facts.push({ key: 'organisation', label: t.organisation, value: application.organisationName })
  if (application.serialHex) facts.push({ key: 'serial', label: t.serial, value: <><span className="mono">{application.serialHex}</span> {application.certificateName}</> })
  for (const name of fieldsOf(application.kind, form)) {
    const value = word(name)
    if (!value) continue
    const was = before[name]
    const changed = was !== undefined && was !== '' && application.kind.startsWith('change') && was !== value
    facts.push({ key: name, label: t.fields[name], value: changed ? <><s className="quiet">{was}</s> → <strong>{value}</strong></> : value })
  }
  for (const { key, zh, en } of application.asked ?? []) {
    const value = answerTo(form, key)
    if (value) facts.push({ key: `extra-${key}`, label: english ? en || zh : zh, value })
  }
  if (to) facts.push({ key: 'address', label: t.address.title, value: `${to.name} ${to.phone} ${to.region} ${to.street}` })
  if (application.consentAt) facts.push({ key: 'consent', label: application.kind === 'revoke' ? t.consent.request : t.consent.letter, value: t.consent.signed })
  return facts

  function word(name: FieldName): string {
    if (name === 'delivery') return form.delivery ? t.deliveries[form.delivery] : ''
    if (name === 'cause') return form.cause ? t.causes[form.cause] : ''
    if (name === 'revocation') return form.revocation ? t.revocations[form.revocation] : ''
    if (name === 'oldPhoneLost') return form.oldPhoneLost ? t.yes : ''
    return form[name] ?? ''
  }
}

/** What happens after submitting: reviews, days, money. */
function Next({ application }: { application: Application }) {
  const { after: t } = useText()
  const slug = application.projectSlug ?? ''
  const policies = useQuery({ ...policiesQuery(slug), enabled: slug !== '' })
  const policy = policies.data?.find(({ kind }) => kind === application.kind)
  if (!policy) return null
  const lines = [policy.steps === 0 ? t.atOnce : t.review(policy.steps, policy.workingDays)]
  if (policy.priceCents > 0) lines.push(policy.payFirst ? t.payFirst(yuan(policy.priceCents)) : t.payAfter(yuan(policy.priceCents)))
  return <Alert type="info" showIcon title={t.title} description={<ul style={{ margin: 0, paddingInlineStart: 20 }}>{lines.map((line) => <li key={line}>{line}</li>)}</ul>} />
}

/** Codes to both phones, or a letter for the lost one. Source: product.md §2.4 (变更 handler/phone). */
function Codes({ application, submit }: { application: Application; submit: Submit }) {
  const { codes: t } = useText()
  const lost = application.form?.oldPhoneLost ?? false
  return (
    <section className="stack" aria-label={t.title}>
      <p style={{ margin: 0 }}>{lost ? t.leadLost : t.lead}</p>
      {!lost && <Code id={application.id} to="old" value={submit.answers.oldCode} set={(oldCode) => submit.answer({ oldCode })} />}
      <Code id={application.id} to="new" value={submit.answers.newCode} set={(newCode) => submit.answer({ newCode })} />
    </section>
  )
}

function Code({ id, to, value, set }: { id: string; to: 'old' | 'new'; value: string; set: (code: string) => void }) {
  const { codes: t } = useText()
  const send = useMutation(sendHandlerCode)
  const left = useSecondsUntil(send.data?.resendAt)
  return (
    <div className="stack" style={{ gap: 6 }}>
      <label htmlFor={`course-code-${to}`}>{t[to]}</label>
      <div className="row">
        <Input
          id={`course-code-${to}`}
          data-testid={`course-code-${to}`}
          value={value}
          inputMode="numeric"
          autoComplete="one-time-code"
          style={{ width: 160 }}
          onChange={(event) => set(event.target.value.replace(/\D/g, '').slice(0, 6))}
        />
        <Button onClick={() => send.mutate({ id, to })} disabled={left > 0} loading={send.isPending} data-testid={`course-send-${to}`}>{left > 0 ? t.wait(left) : t.send}</Button>
      </div>
      <Problem error={send.error} />
    </div>
  )
}

/** Bids that are not open yet: what is to become of the key that opens them. */
function Seals({ application, submit }: { application: Application; submit: Submit }) {
  const { seals: t } = useText()
  return (
    <Alert
      type="warning"
      showIcon
      title={t.title}
      description={
        <div className="stack" style={{ gap: 8 }}>
          <span>{t.text(application.serialHex ?? '')}</span>
          <Radio.Group value={submit.answers.sealConsent ?? null} onChange={(event) => submit.answer({ sealConsent: event.target.value as 'keep_old' | 'proceed' })} aria-label={t.title}>
            <div className="stack" style={{ gap: 4 }}>
              <Radio value="keep_old" data-testid="course-seal-keep">{t.keep}</Radio>
              <Radio value="proceed" data-testid="course-seal-proceed">{t.proceed}</Radio>
            </div>
          </Radio.Group>
          <span className="quiet">{t.wait}</span>
        </div>
      }
      data-testid="course-seals"
    />
  )
}
