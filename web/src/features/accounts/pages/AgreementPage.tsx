import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Form } from 'antd'
import { changePerson } from '@/api/session'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { LogoutButton } from '../parts/LoginPanel'
import { AgreementCheck } from '../parts/AgreementCheck'
import { acceptAgreement, agreementQuery } from '../queries'
import { useText } from '../text'

/** 服务协议更新: what was published since this person accepted a version is read and accepted before anything else. */
export function AgreementPage() {
  const { agreement: t, register } = useText()
  const client = useQueryClient()
  const query = useQuery({ ...agreementQuery, staleTime: 0 })
  const accept = useMutation({
    ...acceptAgreement,
    onSuccess: (session) => changePerson(client, session),
    onError: () => void query.refetch(), // perhaps another version came meanwhile
  })
  return (
    <div className="page page-narrow">
      <Title text={t.page} />
      <Alert type="info" showIcon title={t.why} style={{ marginBottom: 16 }} />
      <Ready query={query}>
        {(agreement) => (
          <section className="panel stack">
            <div>
              <h2 className="title" style={{ marginBottom: 4 }}>{agreement.title}</h2>
              <p className="quiet" style={{ margin: 0 }}>{register.version(agreement.version)}</p>
            </div>
            <div role="document" aria-label={agreement.title} tabIndex={0} data-testid="agreement-text" style={{ whiteSpace: 'pre-line', lineHeight: 1.8, maxHeight: '50vh', overflowY: 'auto', overflowWrap: 'anywhere' }}>{agreement.text}</div>
            <Form<{ agreement: string }> key={agreement.version} name="agreement" onFinish={(fields) => accept.mutate(fields.agreement)}>
              <AgreementCheck testId="agreement" textShown />
              <div className="stack">
                <Problem error={accept.error} testId="agreement-problem" />
                <Button type="primary" htmlType="submit" size="large" block loading={accept.isPending} data-testid="agreement-submit">{t.submit}</Button>
                <div className="row" style={{ justifyContent: 'space-between' }}>
                  <p className="quiet" style={{ margin: 0, flex: '1 1 240px' }}>{t.otherwise}</p>
                  <LogoutButton />
                </div>
              </div>
            </Form>
          </section>
        )}
      </Ready>
    </div>
  )
}
