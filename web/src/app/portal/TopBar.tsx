import { NavLink, Outlet } from 'react-router'
import { useCommon } from '@/i18n/common'
import { LanguageSwitch } from '@/ui/LanguageSwitch'
import { Logo } from '@/ui/Logo'
import { Footer } from './Footer'
import './portal.css'
import { useText } from './text'

/** The frame of the public pages. Source: S002-21. */
export function PublicFrame() {
  const t = useText()
  const common = useCommon()
  return (
    <>
      <a className="skip" href="#main">{common.skip}</a>
      <header className="bar">
        <div className="bar-inner">
          <Logo />
          <nav className="row" aria-label={t.main} style={{ marginInlineStart: 'auto' }}>
            <NavLink to="/" end>{t.home}</NavLink>
            <NavLink to="/about">{t.about}</NavLink>
            <NavLink to="/contact">{t.contact}</NavLink>
            <LanguageSwitch />
          </nav>
        </div>
      </header>
      <main id="main" tabIndex={-1}><Outlet /></main>
      <Footer />
    </>
  )
}
