import { useMutation } from '@tanstack/react-query'
import { Button, Form, Input, Result } from 'antd'
import { useState } from 'react'
import { readFile, size, toBase64 } from '@/lib/bytes'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { Upload } from '@/ui/Upload'
import { useOpenText } from '../openText'
import { AskCode } from '../parts/AskCode'
import { SentCode } from '../parts/SentCode'
import { askCode, askNumber, type CodeSent } from '../queries'
import { useText } from '../text'

type Sent = { phone: string; code: CodeSent }

/** 找回登记证件号: a question to the window, answered by SMS. Source: S002-05. */
export function FindNumberPage() {
  const { number: t } = useText()
  const [sent, setSent] = useState<Sent | null>(null)
  const [number, setNumber] = useState('')
  return (
    <div className="page page-narrow" style={{ maxWidth: 520 }}>
      <Title text={t.page} extra={<LinkButton to="/login">{t.toLogin}</LinkButton>} />
      {number ? (
        <Result status="success" title={<span data-testid="number-done">{t.done(number)}</span>} subTitle={t.doneText} extra={<LinkButton type="primary" to="/">{t.home}</LinkButton>} />
      ) : (
        <section className="panel stack">
          <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
          {sent ? <Ask sent={sent} again={() => setSent(null)} done={setNumber} /> : <AskCode ask={askCode.number} sent={setSent} testId="number" />}
        </section>
      )}
    </div>
  )
}

function Ask({ sent, again, done }: { sent: Sent; again: () => void; done: (number: string) => void }) {
  const { number: t } = useText()
  const { licence: words } = useOpenText()
  const [licence, setLicence] = useState<{ name: string; size: number; base64: string } | null>(null)
  const ask = useMutation({ ...askNumber, onSuccess: (answer) => done(answer.number) })
  return (
    <Form<{ organisationName: string; note?: string; code: string }>
      name="number-question"
      layout="vertical"
      onFinish={({ organisationName, note, code }) => ask.mutate({ organisationName, code: code.trim(), phone: sent.phone, ...(note ? { note } : {}), ...(licence ? { licence: licence.base64 } : {}) })}
    >
      <SentCode sent={sent} again={again} testId="number" />
      <Form.Item name="organisationName" label={t.name} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={100} autoComplete="organization" data-testid="number-name" />
      </Form.Item>
      <Form.Item name="note" label={t.note}>
        <Input maxLength={200} data-testid="number-note" />
      </Form.Item>
      <Form.Item label={words.label} extra={words.what}>
        {licence ? (
          <div className="row" role="status">
            <span className="wrap" data-testid="number-licence-chosen">{words.chosen(licence.name, size(licence.size))}</span>
            <Button size="small" onClick={() => setLicence(null)}>{words.remove}</Button>
          </div>
        ) : (
          <Upload
            label={words.label}
            text={words.pick}
            imageBytes={512 << 10}
            pdfBytes={5 << 20}
            send={async (file, name) => setLicence({ name, size: file.size, base64: toBase64(await readFile(file)) })}
            testId="number-licence"
          />
        )}
      </Form.Item>
      <div className="stack">
        <Problem error={ask.error} testId="number-problem" />
        <Button type="primary" htmlType="submit" size="large" block loading={ask.isPending} data-testid="number-submit">{t.submit}</Button>
      </div>
    </Form>
  )
}
