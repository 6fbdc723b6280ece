import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { App, Button } from 'antd'
import type { Schema } from '@/api/client'
import { minute } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import { browserName } from '@/lib/browser'
import { endSession, sessionsQuery } from '../queries'
import { useText } from '../text'

/** 登录设备: where one is logged in, and the way to end that. */
export function SessionList() {
  const { sessions: t } = useText()
  const { modal } = App.useApp()
  const client = useQueryClient()
  const sessions = useQuery(sessionsQuery)
  const end = useMutation({ ...endSession, onSettled: () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey }) })
  const ask = (session: Schema<'OpenSession'>) =>
    void modal.confirm({ title: t.end, content: t.endAsk(session.address, minute(session.createdAt)), onOk: () => end.mutateAsync(session.id) })
  return (
    <section className="panel stack">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t.what}</p>
      <Problem error={end.error} testId="session-problem" />
      <Ready query={sessions}>
        {(items) => (
          <div className="stack" data-testid="session-list">
            {items.map((session) => (
              <div key={session.id} className="row" style={{ justifyContent: 'space-between' }}>
                <span className="row">
                  <strong title={session.userAgent}>{browserName(session.userAgent) || t.unknown}</strong>
                  {session.current && <StateTag tone="good" text={t.current} />}
                  <span className="quiet wrap">{session.address} · {t.since} {minute(session.createdAt)} · {t.seen} {minute(session.seenAt)}</span>
                </span>
                {!session.current && <Button size="small" onClick={() => ask(session)} data-testid={`session-end-${session.id}`}>{t.end}</Button>}
              </div>
            ))}
          </div>
        )}
      </Ready>
    </section>
  )
}
