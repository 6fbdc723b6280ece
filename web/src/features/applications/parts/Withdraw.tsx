import { useMutation } from '@tanstack/react-query'
import { App, Button } from 'antd'
import { Problem } from '@/ui/Problem'
import { withdraw } from '../queries'
import { useText } from '../text'

/** 撤回, asked twice. */
export function Withdraw({ id }: { id: string }) {
  const t = useText()
  const { modal } = App.useApp()
  const act = useMutation(withdraw)
  const ask = () => void modal.confirm({ title: t.withdraw, content: t.withdrawAsk, onOk: () => act.mutateAsync(id).catch(() => undefined) })
  return (
    <div className="stack">
      <Problem error={act.error} testId="wizard-withdraw-problem" />
      <div><Button onClick={ask} data-testid="wizard-withdraw">{t.withdraw}</Button></div>
    </div>
  )
}
