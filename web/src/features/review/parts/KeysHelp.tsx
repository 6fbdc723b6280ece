import { Modal } from 'antd'
import { useText } from '../text'

const lists = {
  queue: ['j', 'k', 'Enter', '?'],
  desk: ['c', 'j', 'k', 'o', 'b', '+', '-', '[', ']', ',', '.', 'a', 'r', 'x', 'n', 'q', '?'],
} as const

/** The letters of a page and what they do. */
export function KeysHelp({ which, close }: { which: keyof typeof lists; close: () => void }) {
  const { keys: t } = useText()
  const words: Record<string, string> = t[which]
  return (
    <Modal open title={t.title} footer={null} onCancel={close}>
      <dl className="keys" data-testid="review-keys">
        {lists[which].map((key) => (
          <div key={key}><dt><kbd>{key}</kbd></dt><dd>{words[key]}</dd></div>
        ))}
      </dl>
    </Modal>
  )
}
