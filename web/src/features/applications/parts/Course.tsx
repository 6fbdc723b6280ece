import { useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Steps } from 'antd'
import { useState } from 'react'
import { useSearchParams } from 'react-router'
import { useCommon } from '@/i18n/common'
import { ReturnedNote } from './ReturnedNote'
import { useNarrow } from '@/ui/useNarrow'
import { formOpen, missing, stepsOf, unanswered, type CourseStep } from '../course'
import { applicationQuery, type Application } from '../queries'
import { useText } from '../text'
import { useDraft } from '../useDraft'
import { ConfirmStep, useSubmit } from './ConfirmStep'
import { FormStep } from './FormStep'
import { Materials } from './Materials'
import { SignInstead } from './SignInstead'

/** The wizard of an application that is still with its holder: a draft, or one that came back. Each step is checked when it is left. */
export function Course({ application }: { application: Application }) {
  const t = useText()
  const course = useCourse(application)
  const { step, draft, submit } = course
  return (
    <section className="panel stack" aria-label={t.course[step]} data-testid="course" data-step={step}>
      <CourseSteps application={application} step={step} />
      {application.state === 'returned' && <ReturnedNote application={application} />}
      {step === 'risk' && <Risk application={application} />}
      {step === 'form' && <FormStep application={application} draft={draft} tried={course.tried} open={formOpen(application)} />}
      {step === 'materials' && (
        <div className="stack">
          <SignInstead application={application} />
          <Materials applicationId={application.id} />
        </div>
      )}
      {step === 'confirm' && <ConfirmStep application={application} submit={submit} />}
      <Bar course={course} />
    </section>
  )
}

function useCourse(application: Application) {
  const draft = useDraft(application, formOpen(application))
  const steps = stepsOf(application.kind, draft.form).filter((step) => step !== 'act')
  const [params, setParams] = useSearchParams()
  const client = useQueryClient()
  const first = application.state === 'returned' && !formOpen(application) && steps.includes('materials') ? 'materials' : (steps[0] ?? 'confirm')
  const named = params.get('step')
  const step: CourseStep = steps.find((one) => one === named) ?? first
  const [tried, setTried] = useState(false)
  const [leaving, setLeaving] = useState(false)
  const submit = useSubmit(application, () => setParams({}, { replace: true })) // when it comes back, it begins where something is wrong
  const at = steps.indexOf(step)
  const to = (next: CourseStep | undefined) => {
    if (!next) return
    setTried(false)
    setParams({ step: next })
    scrollTo({ top: 0 })
  }
  const next = async () => {
    if (step === 'confirm') return submit.go()
    if (step === 'form' && formOpen(application)) {
      setTried(true)
      if (missing(application.kind, draft.form).length > 0 || unanswered(application.asked, draft.form).length > 0 || draft.homeless) return
      setLeaving(true)
      const stored = await draft.store().then(() => true, () => false)
      setLeaving(false)
      if (!stored) return
    }
    if (step === 'materials') await client.invalidateQueries({ queryKey: applicationQuery(application.id).queryKey })
    to(steps[at + 1])
  }
  return { step, at, tried, leaving, draft, submit, next, back: at > 0 ? () => to(steps[at - 1]) : null }
}

type CourseState = ReturnType<typeof useCourse>

/** 确认风险 → 填写信息 → 上传材料 → 确认提交 → 办理, as far as the kind has them. */
export function CourseSteps({ application, step }: { application: Application; step: CourseStep }) {
  const t = useText()
  const narrow = useNarrow()
  const steps = stepsOf(application.kind, application.form)
  const current = steps.indexOf(step)
  if (narrow) return <strong>{t.stepOf(current + 1, steps.length)} {t.course[step]}</strong>
  return <Steps size="small" current={current} items={steps.map((one) => ({ title: t.course[one] }))} />
}

function Risk({ application }: { application: Application }) {
  const { risk: t } = useText()
  const { riskNotice: notice } = application
  return (
    <div className="stack" data-testid="course-risk">
      <section className="notice" lang="zh-CN" aria-label={notice.title} tabIndex={0}>
        <h2 className="title">{notice.title}</h2>
        <div className="prose">{notice.text}</div>
        <p className="quiet" style={{ marginBottom: 0 }}>{t.version} {notice.version}</p>
      </section>
      <Alert type="info" showIcon title={t.both} />
    </div>
  )
}

/** 上一步 and 下一步, always in sight. */
function Bar({ course: { step, next, back, leaving, submit } }: { course: CourseState }) {
  const t = useText()
  const common = useCommon()
  return (
    <div className="course-bar">
      {back && <Button size="large" onClick={back} data-testid="course-back">{t.previous}</Button>}
      <Button type="primary" size="large" loading={submit.busy || leaving} onClick={() => void next()} data-testid="course-next">
        {step === 'confirm' ? t.submit : step === 'risk' ? common.goOn : t.next}
      </Button>
    </div>
  )
}
