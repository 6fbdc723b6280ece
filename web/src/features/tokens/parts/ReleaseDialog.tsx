import { useMutation } from '@tanstack/react-query'
import { Form, Input, InputNumber, Modal } from 'antd'
import { useCommon } from '@/i18n/common'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { releaseToken, type Token } from '../queries'
import { useText } from '../text'

interface Props {
  token: Token
  close: () => void
  done: (token: Token) => void
}

/** A parked key goes on with the version of the officer's PIN that was made out; see docs/operate/unlocking.md. */
export function ReleaseDialog({ token, close, done }: Props) {
  const t = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ version: number; note: string }>()
  const release = useMutation({ ...releaseToken, onSuccess: done })
  return (
    <Modal
      open
      title={t.release}
      okText={t.release}
      cancelText={common.cancel}
      onOk={() => form.submit()}
      onCancel={close}
      confirmLoading={release.isPending}
      okButtonProps={{ 'data-testid': 'release-submit' }}
    >
      <div className="stack">
        <p style={{ margin: 0 }}>{t.releaseAsk}</p>
        <Facts
          columns={1}
          facts={[
            { key: 'serial', label: t.columns.serial, value: <span className="mono">{token.serial}</span> },
            { key: 'officer', label: t.columns.officer, value: t.officerVersion(token.soVersion) },
            { key: 'note', label: t.columns.note, value: token.parkedNote || '—' },
          ]}
        />
        <Form form={form} name="release" layout="vertical" onFinish={({ version, note }) => release.mutate({ serial: token.serial, version, note: note.trim() })}>
          <Form.Item name="version" label={t.version} rules={[{ required: true }]}>
            <InputNumber min={0} precision={0} data-testid="release-version" />
          </Form.Item>
          <Form.Item name="note" label={t.releaseNote} rules={[{ required: true, whitespace: true }]} style={{ marginBottom: 0 }}>
            <Input.TextArea maxLength={300} autoSize={{ minRows: 2 }} data-testid="release-note" />
          </Form.Item>
        </Form>
        <Problem error={release.error} testId="release-problem" />
      </div>
    </Modal>
  )
}
