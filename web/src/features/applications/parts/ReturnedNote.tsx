import { Alert } from 'antd'
import { minute } from '@/lib/time'
import type { Application } from '../queries'
import { useText } from '../text'

/** Why it came back, and until when it may be corrected. */
export function ReturnedNote({ application }: { application: Application }) {
  const { returned: t } = useText()
  return (
    <Alert
      type="warning"
      showIcon
      title={t.title}
      description={
        <>
          <Reasons application={application} />
          {application.closesAt && <div className="quiet">{t.until(minute(application.closesAt))}</div>}
        </>
      }
      data-testid="course-returned"
    />
  )
}

/** The coded reasons in words, and what the reviewer wrote. */
export function Reasons({ application }: { application: Application }) {
  const t = useText()
  return (
    <>
      {(application.reasons ?? []).length > 0 && (
        <ul style={{ margin: 0, paddingInlineStart: 20 }} data-testid="course-reasons">{(application.reasons ?? []).map((reason) => <li key={reason}>{t.reasons[reason]}</li>)}</ul>
      )}
      {application.reviewNote && <p className="wrap" style={{ margin: '4px 0 0' }}>{t.returned.note(application.reviewNote)}</p>}
    </>
  )
}
