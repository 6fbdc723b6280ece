import { useMutation, useQuery } from '@tanstack/react-query'
import { Button, Form, Result } from 'antd'
import { useState } from 'react'
import { Link, useLocation } from 'react-router'
import { sessionQuery } from '@/api/session'
import { Facts } from '@/ui/Facts'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { AgreementCheck } from '../parts/AgreementCheck'
import { NewPassword } from '../parts/NewPassword'
import { acceptInvitation, confirmEmail, invitationQuery, served } from '../queries'
import { useText } from '../text'

/** What stands behind # never reaches a server by itself, and no log. */
const useToken = () => useLocation().hash.slice(1)

/** /join#token: whoever got the SMS sets a password. */
export function JoinPage() {
  const { join: t, members } = useText()
  const token = useToken()
  const query = useQuery(invitationQuery(token))
  const [login, setLogin] = useState('')
  const accept = useMutation({ ...acceptInvitation, onSuccess: (answer) => setLogin(answer.login) })
  return (
    <div className="page page-narrow" style={{ maxWidth: 520 }}>
      <Title text={t.page} />
      {login ? (
        <Result status="success" title={<span data-testid="join-done">{t.done}</span>} subTitle={t.doneText(login)} extra={<LinkButton type="primary" to="/login">{t.toLogin}</LinkButton>} />
      ) : (
        <Ready query={query}>
          {(invitation) => (
            <section className="panel stack">
              <Facts
                columns={1}
                facts={[
                  { key: 'organisation', label: t.organisation, value: invitation.organisationName },
                  { key: 'name', label: t.name, value: invitation.name },
                  { key: 'phone', label: t.phone, value: invitation.phoneMasked },
                  { key: 'member', label: t.member, value: members.roles[invitation.member] },
                ]}
              />
              {invitation.known ? (
                <Known token={token} />
              ) : (
                <Form<{ password: string; confirm: string; agreement: string }> name="join" layout="vertical" onFinish={(fields) => accept.mutate({ ...fields, token })}>
                  <NewPassword testId="join" />
                  <AgreementCheck testId="join" />
                  <div className="stack" style={{ marginTop: 16 }}>
                    <Problem error={accept.error} testId="join-problem" />
                    <Button type="primary" htmlType="submit" size="large" block loading={accept.isPending} data-testid="join-submit">{t.submit}</Button>
                  </div>
                </Form>
              )}
            </section>
          )}
        </Ready>
      )}
    </div>
  )
}

/** The phone has an account: its owner logs in and takes the organisation on beside the others. */
function Known({ token }: { token: string }) {
  const { join: t } = useText()
  const session = useQuery(sessionQuery)
  const join = useMutation({ mutationFn: served.join, onSuccess: ({ organisationId }) => served.act(organisationId) })
  return (
    <div className="stack">
      <p style={{ margin: 0 }} data-testid="join-known">{t.known}</p>
      <Problem error={join.error} testId="join-problem" />
      {session.data ? (
        <Button type="primary" size="large" block loading={join.isPending} onClick={() => join.mutate(token)} data-testid="join-known-submit">{t.knownSubmit(session.data.login)}</Button>
      ) : (
        <Link to="/login" state={{ back: `/join#${token}` }} data-testid="join-known-login">{t.knownLogin}</Link>
      )}
    </div>
  )
}

/** /email#token: a click, so that no mail scanner confirms by looking. */
export function EmailPage() {
  const { credit: t } = useText()
  const token = useToken()
  const confirm = useMutation(confirmEmail)
  return (
    <div className="page page-narrow" style={{ maxWidth: 520 }}>
      <Title text={t.emailPage} />
      {confirm.isSuccess ? (
        <Result status="success" title={<span data-testid="email-done">{t.emailDone}</span>} extra={<LinkButton type="primary" to="/account/profile">{t.toProfile}</LinkButton>} />
      ) : (
        <section className="panel stack">
          <p style={{ margin: 0 }}>{t.emailAsk}</p>
          <Problem error={confirm.error} testId="email-problem" />
          <div><Button type="primary" onClick={() => confirm.mutate(token)} loading={confirm.isPending} data-testid="email-confirm">{t.emailConfirm}</Button></div>
        </section>
      )}
    </div>
  )
}
