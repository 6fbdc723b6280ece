import { Alert, Input } from 'antd'
import type { Schema } from '@/api/client'
import type { Agreement, Content, Notice } from '../documents'
import { useText } from '../text'
import { Columns, Field } from './Field'
import { HolidayForm } from './HolidayForm'
import { ProjectForm } from './ProjectForm'

interface Props {
  content: Content
  places: Schema<'ContentPlace'>[]
  change: (content: Content) => void
}

/** The form of a document's kind. */
export function Editor({ content, places, change }: Props) {
  switch (content.kind) {
    case 'project':
      return <ProjectForm project={content.document} change={(document) => change({ kind: 'project', document })} />
    case 'holidays':
      return <HolidayForm holidays={content.document} change={(document) => change({ kind: 'holidays', document })} />
    case 'notice':
      return <NoticeForm notice={content.document} places={places} change={(document) => change({ kind: 'notice', document })} />
    case 'agreement':
      return <AgreementForm agreement={content.document} change={(document) => change({ kind: 'agreement', document })} />
  }
}

function NoticeForm({ notice, places, change }: { notice: Notice; places: Schema<'ContentPlace'>[]; change: (next: Notice) => void }) {
  const { notice: t } = useText()
  return (
    <>
      <Alert type="info" showIcon title={t.gateway} />
      <p className="wrap" style={{ margin: 0 }}>
        {t.places}{' '}
        {places.map((one) => <code key={one.name} className="mono" style={{ marginInlineEnd: 8 }}>{`{${one.name}}`}{one.secret && ` (${t.secret})`}</code>)}
      </p>
      <p className="quiet" style={{ margin: 0 }}>{t.hint}</p>
      <Field label={t.zh}><Input.TextArea value={notice.zh} maxLength={900} autoSize={{ minRows: 3 }} onChange={(event) => change({ ...notice, zh: event.target.value })} data-testid="content-zh" /></Field>
      <Field label={t.en} hint={t.english}><Input.TextArea value={notice.en} maxLength={900} autoSize={{ minRows: 3 }} onChange={(event) => change({ ...notice, en: event.target.value })} data-testid="content-en" /></Field>
    </>
  )
}

function AgreementForm({ agreement, change }: { agreement: Agreement; change: (next: Agreement) => void }) {
  const { agreement: t } = useText()
  return (
    <>
      <Alert type="info" showIcon title={t.hint} />
      <Columns>
        <Field label={t.version}><Input value={agreement.version} maxLength={40} onChange={(event) => change({ ...agreement, version: event.target.value })} data-testid="content-agreement-version" /></Field>
        <Field label={t.title}><Input value={agreement.title} maxLength={100} onChange={(event) => change({ ...agreement, title: event.target.value })} /></Field>
      </Columns>
      <Field label={t.text}><Input.TextArea value={agreement.text} maxLength={20000} autoSize={{ minRows: 12 }} data-testid="content-agreement-text" onChange={(event) => change({ ...agreement, text: event.target.value })} /></Field>
    </>
  )
}
