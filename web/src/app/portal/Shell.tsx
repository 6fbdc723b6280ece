import { Alert, Button, Drawer } from 'antd'
import { useState } from 'react'
import { Outlet, useLocation } from 'react-router'
import type { Session } from '@/api/session'
import { useCommon } from '@/i18n/common'
import { Acting, StalePage } from '@/features/accounts/parts/Acting'
import { LogoutButton } from '@/features/accounts/parts/LoginPanel'
import { Bell } from '@/features/notices/parts/Bell'
import { LanguageSwitch } from '@/ui/LanguageSwitch'
import { LinkButton } from '@/ui/LinkButton'
import { Logo } from '@/ui/Logo'
import { useNarrow } from '@/ui/useNarrow'
import { Footer } from './Footer'
import { Menu } from './Menu'
import './portal.css'
import { useText } from './text'

/** 用户自助服务系统: greeting, left menu, page. Source: S002-28, 29. */
export function Shell({ session }: { session: Session }) {
  const t = useText()
  const common = useCommon()
  const narrow = useNarrow()
  const [open, setOpen] = useState(false)
  return (
    <>
      <a className="skip" href="#main">{common.skip}</a>
      <header className="bar">
        <div className="bar-inner">
          <Logo />
          <strong>{t.system}</strong>
          <div className="row" style={{ marginInlineStart: 'auto' }}>
            {narrow && <Button size="small" onClick={() => setOpen(true)} data-testid="menu-open">{t.openMenu}</Button>}
            {(session.serves ?? 1) > 1 && <Acting session={session} />}
            <span className="wrap" data-testid="greeting">{t.hello(session.displayName || session.organisationName || session.login)}</span>
            <Bell />
            <LanguageSwitch />
            <LogoutButton />
          </div>
        </div>
      </header>
      <div className="shell">
        {narrow ? (
          <Drawer open={open} onClose={() => setOpen(false)} placement="left" size={280} title={t.menu}>
            <Menu session={session} follow={() => setOpen(false)} />
          </Drawer>
        ) : (
          <div className="shell-menu"><Menu session={session} /></div>
        )}
        <main id="main" className="shell-main" tabIndex={-1}>
          <Unverified session={session} />
          <Outlet />
        </main>
      </div>
      <Footer />
      <StalePage />
    </>
  )
}

function Unverified({ session }: { session: Session }) {
  const t = useText()
  const { pathname } = useLocation()
  if (session.state !== 'unverified' || pathname === '/account/profile' || pathname.startsWith('/account/applications/')) return null
  return (
    <Alert
      type="info"
      showIcon
      style={{ marginBottom: 16 }}
      title={t.unverified}
      action={<LinkButton size="small" to="/account/profile">{t.toProfile}</LinkButton>}
    />
  )
}
