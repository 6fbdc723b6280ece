import { Alert, Button } from 'antd'
import { useText } from '../text'

/** Recovery codes, on screen this once. */
export function RecoveryCodes({ codes, done }: { codes: string[]; done: () => void }) {
  const { recovery: t } = useText()
  return (
    <section className="stack" data-testid="recovery-codes">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <Alert type="warning" showIcon title={t.why} />
      <ul className="mono codes">{codes.map((code) => <li key={code}>{code}</li>)}</ul>
      <Button type="primary" onClick={done} data-testid="recovery-saved">{t.saved}</Button>
    </section>
  )
}
