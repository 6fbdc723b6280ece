import { useMutation } from '@tanstack/react-query'
import { Alert, Modal } from 'antd'
import { useState } from 'react'
import { useCommon } from '@/i18n/common'
import { Problem } from '@/ui/Problem'
import { registerTokens } from '../queries'
import { mostEntries, readSheet, type Sheet } from '../sheet'
import { useText } from '../text'

interface Props {
  close: () => void
  done: (added: number) => void
}

/** 批量登记: blank keys from a CSV file. It is read here; the file itself goes nowhere. */
export function SheetDialog({ close, done }: Props) {
  const t = useText()
  const common = useCommon()
  const [sheet, setSheet] = useState<Sheet | null>(null)
  const register = useMutation({ ...registerTokens, onSuccess: ({ added }) => done(added) })
  const count = sheet?.entries.length ?? 0
  const fit = sheet !== null && sheet.known && sheet.bad.length === 0 && count > 0 && count <= mostEntries
  return (
    <Modal open title={t.sheet.title} okText={t.sheet.submit} cancelText={common.cancel} onOk={() => register.mutate(sheet?.entries ?? [])} onCancel={close} confirmLoading={register.isPending} okButtonProps={{ disabled: !fit, 'data-testid': 'sheet-submit' }}>
      <div className="stack">
        <p style={{ margin: 0 }}>{t.sheet.lead}</p>
        <div>
          <label htmlFor="sheet-file">{t.sheet.file}</label>
          <br />
          <input id="sheet-file" type="file" accept=".csv,text/csv" data-testid="sheet-file" onChange={(event) => void event.target.files?.[0]?.text().then((text) => setSheet(readSheet(text)))} />
        </div>
        {sheet && (
          <div role="status" data-testid="sheet-state">
            {!sheet.known ? <Alert type="error" showIcon title={t.sheet.unknown} />
              : sheet.bad.length > 0 ? <Alert type="error" showIcon title={t.sheet.bad(common.punctuation.list(...sheet.bad.slice(0, 20).map(String)))} />
                : count === 0 || count > mostEntries ? <Alert type="error" showIcon title={t.sheet.count(count, mostEntries)} />
                  : <Alert type="info" showIcon title={t.sheet.ready(count)} />}
          </div>
        )}
        <Problem error={register.error} testId="sheet-problem" />
      </div>
    </Modal>
  )
}
