import { useQuery } from '@tanstack/react-query'
import { Alert, Result } from 'antd'
import { lazy, Suspense } from 'react'
import { isStaff, mayConfirmOrders, sessionQuery, type Session } from '@/api/session'
import { LoginPanel, LogoutButton } from '@/features/accounts/parts/LoginPanel'
import { useCommon } from '@/i18n/common'
import { LanguageSwitch } from '@/ui/LanguageSwitch'
import { Loading, Ready } from '@/ui/Ready'
import './admin.css'
import { useText } from './text'

const FinancePage = lazy(async () => ({ default: (await import('@/features/finance/pages/FinancePage')).FinancePage }))

/** The back office: staff log in here, finance confirms payments; the rest says that it is being built. */
export function Office() {
  const t = useText()
  const common = useCommon()
  const query = useQuery(sessionQuery)
  return (
    <>
      <a className="skip" href="#main">{common.skip}</a>
      <header className="bar">
        <div className="bar-inner">
          <a href="/" className="row" style={{ fontWeight: 600, fontSize: 18, textDecoration: 'none' }}>
            <img src="/seal.svg" alt="" width={30} height={30} /> Signet 印信
          </a>
          <strong>{t.system}</strong>
          <div className="row" style={{ marginInlineStart: 'auto' }}>
            {query.data && <span data-testid="greeting">{t.hello(query.data.displayName || query.data.login)}</span>}
            <LanguageSwitch />
            {query.data && <LogoutButton to="/admin" />}
          </div>
        </div>
      </header>
      <Ready query={query}>{(session) => <Inside session={session} />}</Ready>
    </>
  )
}

function Inside({ session }: { session: Session | null }) {
  const t = useText()
  if (!session) {
    return (
      <main id="main" className="page" style={{ maxWidth: 440 }}>
        <LoginPanel staff onLogin={() => undefined} />
      </main>
    )
  }
  if (!isStaff(session)) {
    return (
      <main id="main" className="page">
        <Result status="403" title={t.staffOnly} subTitle={t.staffOnlyText} extra={<a href="/account/services">{t.portal}</a>} />
      </main>
    )
  }
  return (
    <div className="shell">
      <nav aria-label={t.menu}>
        <ul>
          <li className="here" aria-current="page">{t.orders}</li>
          {t.comingItems.map((label) => <li key={label}>{label}<small>{t.coming}</small></li>)}
        </ul>
      </nav>
      <main id="main" tabIndex={-1}>
        {mayConfirmOrders(session) ? <Suspense fallback={<Loading />}><FinancePage /></Suspense> : <Alert type="info" showIcon title={t.notFinance} />}
      </main>
    </div>
  )
}
