import { useMutation, useQuery } from '@tanstack/react-query'
import { Checkbox, Input, Modal } from 'antd'
import { useState } from 'react'
import { staffKeysQuery } from '@/agent/queries'
import { useCommon } from '@/i18n/common'
import { Problem } from '@/ui/Problem'
import { Loading } from '@/ui/Ready'
import { hindrance, reasonsOf, request, type Draft, type Marks } from '../marks'
import { decide, decisionTextQuery, type Reason } from '../queries'
import { reviewReasons } from '../reasons'
import { useText } from '../text'

interface Props {
  id: string
  decision: Draft['decision']
  marks: Marks
  close: () => void
  done: () => void
}

/** Reasons and remark, then the exact words that are recorded, and signed where keys are required. */
export function DecisionDialog({ id, decision, marks, close, done }: Props) {
  const t = useText()
  const common = useCommon()
  const [draft, set] = useState<Draft>({ decision, reasons: decision === 'approve' ? [] : reasonsOf(marks), note: '' })
  const act = useMutation({ ...decide, onSuccess: done })
  const keys = useQuery(staffKeysQuery)
  const sign = keys.data?.required ?? false
  const hindered = hindrance(draft, marks)
  const asked = request(draft, marks)
  return (
    <Modal
      open
      title={t.ask[decision]}
      okText={t.decisions[decision]}
      cancelText={common.cancel}
      onOk={() => act.mutate({ id, sign, ...asked })}
      onCancel={close}
      confirmLoading={act.isPending}
      okButtonProps={{ danger: decision !== 'approve', disabled: hindered !== null || !keys.data, 'data-testid': 'decision-submit', autoFocus: decision === 'approve' }}
      width={680}
    >
      <div className="stack">
        {decision !== 'approve' && (
          <fieldset className="reasons">
            <legend>{t.why}</legend>
            <Checkbox.Group value={draft.reasons} onChange={(reasons) => set({ ...draft, reasons: reasons as Reason[] })} className="choices" data-testid="decision-reasons">
              {reviewReasons.map((reason) => <Checkbox key={reason} value={reason} data-testid={`decision-reason-${reason}`}>{t.reasons[reason]}</Checkbox>)}
            </Checkbox.Group>
          </fieldset>
        )}
        <div>
          <label htmlFor="decision-note">{t.note}</label>
          <Input.TextArea id="decision-note" value={draft.note} maxLength={500} autoSize={{ minRows: 2 }} onChange={(event) => set({ ...draft, note: event.target.value })} data-testid="decision-note" />
        </div>
        {hindered ? <p role="status" className="quiet" style={{ margin: 0 }}>{t.hindrances[hindered]}</p> : <Words id={id} asked={asked} />}
        {sign && <p role="status" className="quiet" style={{ margin: 0 }} data-testid="decision-sign">{act.isPending ? t.signing : t.toSign}</p>}
        <Problem error={keys.error ?? act.error} testId="decision-problem" />
      </div>
    </Modal>
  )
}

/** The text of the decision as the server will keep it. */
function Words({ id, asked }: { id: string; asked: ReturnType<typeof request> }) {
  const t = useText()
  const text = useQuery(decisionTextQuery(id, asked))
  return (
    <section aria-label={t.words}>
      <strong>{t.words}</strong>
      {text.data !== undefined ? <pre className="notice words" tabIndex={0} lang="zh-CN" data-testid="decision-text">{text.data}</pre> : text.isError ? <Problem error={text.error} /> : <Loading />}
    </section>
  )
}
