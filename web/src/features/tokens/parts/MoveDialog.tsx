import { useMutation } from '@tanstack/react-query'
import { Form, Input, Modal, Radio } from 'antd'
import { useCommon } from '@/i18n/common'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { moveToken, type Token } from '../queries'
import { useText } from '../text'

export type Move = 'lost' | 'found' | 'scrapped'

/** What staff may say of a key: a scrapped one stays so. */
export const movesOf = (token: Token): Move[] => (token.state === 'scrapped' ? [] : token.state === 'lost' ? ['found', 'scrapped'] : ['lost', 'scrapped'])

interface Props {
  token: Token
  close: () => void
  done: (token: Token) => void
}

/** 挂失, 找回, 报废, each with its reason. */
export function MoveDialog({ token, close, done }: Props) {
  const t = useText()
  const common = useCommon()
  const [form] = Form.useForm<{ state: Move; note: string }>()
  const move = useMutation({ ...moveToken, onSuccess: done })
  return (
    <Modal open title={t.move.title} okText={t.move.submit} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={move.isPending} okButtonProps={{ danger: true, 'data-testid': 'move-submit' }}>
      <div className="stack">
        <Facts
          columns={1}
          facts={[
            { key: 'serial', label: t.columns.serial, value: <span className="mono">{token.serial}</span> },
            { key: 'state', label: t.columns.state, value: t.states[token.state] },
          ]}
        />
        <Form form={form} name="move" layout="vertical" onFinish={({ state, note }) => move.mutate({ serial: token.serial, state, note: note.trim() })}>
          <Form.Item name="state" label={t.move.what} rules={[{ required: true }]}>
            <Radio.Group options={movesOf(token).map((value) => ({ value, label: <span data-testid={`move-${value}`}>{t.move.words[value]}</span> }))} />
          </Form.Item>
          <Form.Item name="note" label={t.move.note} rules={[{ required: true, whitespace: true }]} style={{ marginBottom: 0 }}>
            <Input.TextArea maxLength={300} autoSize={{ minRows: 2 }} data-testid="move-note" />
          </Form.Item>
        </Form>
        <Problem error={move.error} testId="move-problem" />
      </div>
    </Modal>
  )
}
