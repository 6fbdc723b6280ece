import { useMutation, useQuery } from '@tanstack/react-query'
import { Button, Form } from 'antd'
import { useState, type ReactNode } from 'react'
import type { Schema } from '@/api/client'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { invitedQuery, join } from '../queries'
import { useText } from '../text'

interface Props {
  /** the fields `password` and `confirm` */
  newPassword: ReactNode
  onPending: (pending: Schema<'PendingLogin'>) => void
}

/** A one-time link: the person sets a password, then goes on to the second factor. The token stands behind #. */
export function JoinPage({ newPassword, onPending }: Props) {
  const { join: t } = useText()
  const [token] = useState(() => location.hash.slice(1))
  const query = useQuery(invitedQuery(token))
  const accept = useMutation({
    ...join,
    onSuccess: (pending) => {
      history.replaceState(null, '', '/admin')
      onPending(pending)
    },
  })
  return (
    <section className="panel stack" data-testid="join">
      <h2 className="title" style={{ margin: 0 }}>{t.page}</h2>
      <Ready query={query}>
        {({ name, login }) => (
          <Form<{ password: string; confirm: string }> name="join" layout="vertical" onFinish={(fields) => accept.mutate({ token, ...fields })}>
            <p data-testid="join-hello">{t.hello(name, login)}</p>
            {newPassword}
            <div className="stack">
              <Problem error={accept.error} testId="join-problem" />
              <Button type="primary" htmlType="submit" size="large" block loading={accept.isPending} data-testid="join-submit">{t.submit}</Button>
            </div>
          </Form>
        )}
      </Ready>
    </section>
  )
}
