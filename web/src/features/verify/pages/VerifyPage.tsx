import { useMutation } from '@tanstack/react-query'
import { Alert, Button, Input, Radio, Select } from 'antd'
import { useState, type ReactNode } from 'react'
import { useSearchParams } from 'react-router'
import { FilePick } from '@/ui/FilePick'
import { Problem } from '@/ui/Problem'
import { Title } from '@/ui/Title'
import { Report } from '../parts/Report'
import { verifySignature } from '../queries'
import { emptyDraft, requestOf, type Draft } from '../request'
import { useText } from '../text'

const limit = 3 * 1024 * 1024

/** 验证签名: what a platform sees. With ?as=platform the page says that it plays the demo bidding platform. */
export function VerifyPage() {
  const t = useText()
  const platform = useSearchParams()[0].get('as') === 'platform'
  const [draft, setDraft] = useState<Draft>(emptyDraft)
  const [unreadable, setUnreadable] = useState(false)
  const verify = useMutation(verifySignature)
  const set = (next: Partial<Draft>) => {
    setDraft((old) => ({ ...old, ...next }))
    setUnreadable(false)
  }
  const act = () => {
    const request = requestOf(draft)
    setUnreadable(request === null)
    if (request) verify.mutate(request)
  }
  return (
    <div className="page" style={{ maxWidth: 960 }}>
      <Title text={platform ? `${t.platform} · ${t.page}` : t.page} />
      {platform && <Alert type="warning" showIcon title={t.platform} description={t.platformText} style={{ marginBottom: 16 }} data-testid="verify-platform" />}
      <p className="quiet" style={{ marginTop: 0 }}>{t.lead}</p>
      <form
        className="panel stack"
        onSubmit={(event) => {
          event.preventDefault()
          act()
        }}
      >
        <Fields draft={draft} set={set} />
        <Conditions draft={draft} set={set} />
        {unreadable && <Alert type="error" showIcon role="alert" title={t.unreadable} data-testid="verify-unreadable" />}
        <Problem error={verify.error} testId="verify-problem" />
        <div><Button type="primary" size="large" htmlType="submit" loading={verify.isPending} data-testid="verify-submit">{t.act}</Button></div>
      </form>
      {verify.data && !verify.isPending && <Report report={verify.data} />}
    </div>
  )
}

interface FieldsProps {
  draft: Draft
  set: (next: Partial<Draft>) => void
}

function Fields({ draft, set }: FieldsProps) {
  const t = useText()
  return (
    <>
      <Radio.Group
        aria-label={t.type}
        value={draft.type}
        onChange={(event) => set({ type: event.target.value === 'raw' ? 'raw' : 'cms' })}
        options={(['cms', 'raw'] as const).map((value) => ({ value, label: <span data-testid={`verify-type-${value}`}>{t.types[value]}</span> }))}
      />
      <FilePick label={t.signature} value={draft.signature} pick={(signature) => set({ signature })} limit={limit} testId="verify-signature" />
      <Labelled id="verify-paste" label={t.paste}>
        <Input.TextArea id="verify-paste" className="mono" rows={3} value={draft.pasted} data-testid="verify-paste" onChange={(event) => set({ pasted: event.target.value })} />
      </Labelled>
      <div>
        <FilePick label={t.content} value={draft.content} pick={(content) => set({ content })} limit={limit} testId="verify-content" />
        {draft.type === 'cms' && <span className="quiet">{t.contentHint}</span>}
      </div>
      {draft.type === 'raw' && (
        <>
          <FilePick label={t.certificate} value={draft.certificate} pick={(certificate) => set({ certificate })} limit={30_000} testId="verify-certificate" />
          <Labelled id="verify-format" label={t.format}>
            <Select
              id="verify-format"
              style={{ width: 180 }}
              value={draft.format}
              options={(['der', 'rs'] as const).map((value) => ({ value, label: t.formats[value] }))}
              onChange={(format) => set({ format })}
            />
          </Labelled>
        </>
      )}
    </>
  )
}

function Conditions({ draft, set }: FieldsProps) {
  const t = useText()
  return (
    <details>
      <summary data-testid="verify-more">{t.more}</summary>
      <div className="stack" style={{ marginTop: 12 }}>
        <Labelled id="verify-at" label={t.at}>
          <Input id="verify-at" type="datetime-local" style={{ maxWidth: 260 }} value={draft.at} data-testid="verify-at" onChange={(event) => set({ at: event.target.value })} />
        </Labelled>
        <Labelled id="verify-organisation" label={t.organisation}>
          <Input id="verify-organisation" maxLength={64} style={{ maxWidth: 320 }} value={draft.organisation} data-testid="verify-organisation" onChange={(event) => set({ organisation: event.target.value })} />
        </Labelled>
        {draft.type === 'raw' && (
          <Labelled id="verify-uid" label={t.uid}>
            <Input id="verify-uid" maxLength={64} style={{ maxWidth: 320 }} value={draft.uid} onChange={(event) => set({ uid: event.target.value })} />
          </Labelled>
        )}
      </div>
    </details>
  )
}

function Labelled({ id, label, children }: { id: string; label: string; children: ReactNode }) {
  return (
    <div className="stack" style={{ gap: 4 }}>
      <label htmlFor={id}>{label}</label>
      {children}
    </div>
  )
}
