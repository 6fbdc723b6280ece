import { useQuery } from '@tanstack/react-query'
import { Alert, Tabs } from 'antd'
import { useLocation } from 'react-router'
import { sessionQuery } from '@/api/session'
import { loginPath } from '@/lib/place'
import { LinkButton } from '@/ui/LinkButton'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { OpenFile } from '../parts/OpenFile'
import { SignFile } from '../parts/SignFile'
import { useText } from '../text'

/** 签名与解密: what a platform would ask of the key, tried out by hand. */
export function SignPage() {
  const t = useText()
  const session = useQuery(sessionQuery)
  return (
    <div style={{ padding: session.data ? 0 : 24 }}>
      <Title text={t.page} />
      <Ready query={session}>
        {(who) =>
          who ? (
            <section className="panel">
              <Tabs
                items={[
                  { key: 'sign', label: <span data-testid="sign-tab">{t.sign.tab}</span>, children: <SignFile /> },
                  { key: 'open', label: <span data-testid="open-tab">{t.open.tab}</span>, children: <OpenFile /> },
                ]}
              />
            </section>
          ) : (
            <LoginFirst />
          )
        }
      </Ready>
    </div>
  )
}

function LoginFirst() {
  const t = useText()
  const { pathname } = useLocation()
  return (
    <Alert
      type="info"
      showIcon
      title={t.login}
      action={<LinkButton type="primary" to={loginPath()} state={{ back: pathname }}>{t.toLogin}</LinkButton>}
    />
  )
}
