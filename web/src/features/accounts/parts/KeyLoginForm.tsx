import { useMutation } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import { Guest } from '@/agent/guest'
import type { Schema } from '@/api/client'
import { Problem } from '@/ui/Problem'
import { loginByKey, prove as proveKey } from '../keyLogin'
import { isPending, type Entered } from '../queries'
import { useText } from '../text'

interface Props {
  project?: string
  entered: (answer: Entered) => void
}

/** UKey 登录: connect, choose the key, type its PIN in the agent's window, choose the account where there are several. */
export function KeyLoginForm({ project, entered }: Props) {
  const { ways: t, members } = useText()
  const [proof, setProof] = useState<Schema<'KeyLoginProof'> | null>(null)
  const connect = useMutation({ mutationFn: () => Guest.begin() })
  const login = useMutation({
    mutationFn: loginByKey,
    onSuccess: (answer) => {
      if (isPending(answer)) entered(answer)
      else if (answer.session) entered(answer.session)
    },
  })
  const prove = useMutation({
    mutationFn: async (serial: string) => {
      if (!connect.data) return
      const signed = { ...(await proveKey(connect.data, serial)), ...(project ? { project } : {}) }
      setProof(signed)
      login.mutate(signed)
    },
  })
  const keys = connect.data?.keys
  const choices = login.data && !isPending(login.data) ? login.data.choices : undefined
  return (
    <div className="stack" data-testid="key-login">
      <p className="quiet" style={{ margin: 0 }}>{t.keyHow} <Link to="/environment">{t.environment}</Link></p>
      {!keys && <Button type="primary" size="large" block onClick={() => connect.mutate()} loading={connect.isPending} data-testid="key-login-connect">{t.connect}</Button>}
      {keys?.length === 0 && <Alert type="warning" showIcon title={t.noKeys} action={<Button size="small" onClick={() => connect.mutate()}>{t.again}</Button>} />}
      {!choices && keys?.map((key) => (
        <Button key={key.serial} size="large" block onClick={() => prove.mutate(key.serial)} loading={prove.isPending || login.isPending} data-testid={`key-login-${key.serial}`}>{key.label || key.serial}</Button>
      ))}
      {choices?.length === 0 && <Alert type="warning" showIcon title={t.noAccounts} />}
      {choices && choices.length > 0 && <strong>{t.choose}</strong>}
      {choices?.map((account) => (
        <Button key={account.id} size="large" block onClick={() => proof && login.mutate({ ...proof, accountId: account.id })} data-testid={`key-account-${account.id}`}>
          {account.name} · {account.phoneMasked} · {members.roles[account.member]}
        </Button>
      ))}
      <Problem error={connect.error ?? prove.error ?? login.error} testId="key-login-problem" />
    </div>
  )
}
