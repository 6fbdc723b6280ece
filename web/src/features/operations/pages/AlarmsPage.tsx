import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Empty, Input } from 'antd'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { moment } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { acknowledge, alarmsQuery, testAlarm } from '../queries'
import { useText } from '../text'

/** 告警: what is wrong now, what was; acknowledging, and a test. */
export function AlarmsPage() {
  const t = useText().alarms
  const query = useQuery(alarmsQuery)
  const test = useMutation(testAlarm)
  const raised = test.data?.open.find((one) => one.test)
  return (
    <>
      <Title text={t.title} extra={query.data?.mayAct && <Button loading={test.isPending} onClick={() => test.mutate()} data-testid="alarm-test">{t.test}</Button>} />
      <Problem error={test.error} />
      {raised && <Alert type="info" showIcon title={t.tested(raised.told)} style={{ marginBottom: 16 }} data-testid="alarm-tested" />}
      <Ready query={query}>
        {({ open, over, mayAct }) => (
          <>
            <section aria-label={t.open} data-testid="alarms-open">
              <h2 className="title">{t.open}</h2>
              {open.length === 0 ? <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.none} /> : <ul className="cards">{open.map((one) => <li key={one.id}><Alarm alarm={one} mayAct={mayAct} /></li>)}</ul>}
            </section>
            {over.length > 0 && (
              <section aria-label={t.over} style={{ marginTop: 24 }} data-testid="alarms-over">
                <h2 className="title">{t.over}</h2>
                <ul className="cards">{over.map((one) => <li key={one.id}><Alarm alarm={one} mayAct={false} /></li>)}</ul>
              </section>
            )}
          </>
        )}
      </Ready>
    </>
  )
}

function Alarm({ alarm, mayAct }: { alarm: Schema<'Alarm'>; mayAct: boolean }) {
  const t = useText().alarms
  const [asked, setAsked] = useState(false)
  const detail = t.details[alarm.rule](alarm.detail)
  return (
    <div className="stack" data-testid={`alarm-${alarm.rule}`}>
      <div className="row">
        <StateTag tone={alarm.closedAt ? 'quiet' : alarm.severity === 'grave' ? 'bad' : 'soon'} text={t.severities[alarm.severity]} />
        {alarm.test && <StateTag tone="mark" text={t.isTest} />}
        <strong>{t.rules[alarm.rule]}</strong>
        <span className="mono wrap">{alarm.object || t.system}</span>
        {detail && <span>{detail}</span>}
        {mayAct && !alarm.acknowledgedAt && !asked && <Button size="small" onClick={() => setAsked(true)} aria-label={`${t.acknowledge} ${t.rules[alarm.rule]} ${alarm.object}`} data-testid={`alarm-acknowledge-${alarm.rule}`}>{t.acknowledge}</Button>}
      </div>
      <div className="quiet">
        {t.since} {moment(alarm.openedAt)}{' · '}
        {alarm.closedAt ? `${t.closed} ${moment(alarm.closedAt)}` : `${t.seen} ${moment(alarm.seenAt)}`}
        {(alarm.severity === 'grave' || alarm.test) && ` · ${alarm.told > 0 ? t.told(alarm.told) : t.nobody}`}
      </div>
      {alarm.acknowledgedAt && <div>{t.by(alarm.acknowledgedBy ?? '', moment(alarm.acknowledgedAt))}{': '}<span className="wrap">{alarm.note}</span></div>}
      {asked && <Acknowledge id={alarm.id} done={() => setAsked(false)} />}
    </div>
  )
}

function Acknowledge({ id, done }: { id: string; done: () => void }) {
  const t = useText().alarms
  const [note, setNote] = useState('')
  const send = useMutation({ ...acknowledge, onSuccess: done })
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault()
        send.mutate({ id, note: note.trim() })
      }}
    >
      <label>{t.note}{' '}<Input value={note} maxLength={500} placeholder={t.noteHint} style={{ width: 320, maxWidth: '100%' }} onChange={(event) => setNote(event.target.value)} data-testid="alarm-note" /></label>
      <Button htmlType="submit" type="primary" disabled={note.trim() === ''} loading={send.isPending} data-testid="alarm-submit">{t.submit}</Button>
      <Problem error={send.error} />
    </form>
  )
}
