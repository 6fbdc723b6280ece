import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button, Drawer, Result } from 'antd'
import { MenuOutlined } from '@ant-design/icons'
import { Suspense, useState } from 'react'
import { Link, useLocation } from 'react-router'
import type { Schema } from '@/api/client'
import { changePerson, isStaff, sessionQuery, type Session } from '@/api/session'
import { LoginPanel, LogoutButton } from '@/features/accounts/parts/LoginPanel'
import { NewPassword } from '@/features/accounts/parts/NewPassword'
import { OptionalNote } from '@/features/factors/parts/OptionalNote'
import { SecondStep } from '@/features/factors/parts/SecondStep'
import { JoinPage } from '@/features/staff/pages/JoinPage'
import { StopBanner } from '@/features/operations/parts/StopBanner'
import { useCommon } from '@/i18n/common'
import { LanguageSwitch } from '@/ui/LanguageSwitch'
import { Loading, Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import './admin.css'
import { groups, visible, type Section } from './sections'
import { useText } from './text'

/** The back office: staff log in here and see the sections of their roles. */
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
        <Door />
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
  return <Desk session={session} />
}

/** Logging in, or accepting an invitation; both go on to the second factor. */
function Door() {
  const t = useText()
  const client = useQueryClient()
  const { pathname } = useLocation()
  const [pending, setPending] = useState<Schema<'PendingLogin'> | null>(null)
  if (pending) return <><Title text={t.system} /><div className="panel"><SecondStep pending={pending} onSession={(session) => changePerson(client, session)} back={() => setPending(null)} /></div></>
  if (pathname === '/admin/join') return <JoinPage newPassword={<NewPassword testId="join" />} onPending={setPending} />
  return <><Title text={t.system} /><LoginPanel staff onLogin={() => undefined} second={(waiting, done, back) => <SecondStep pending={waiting} onSession={done} back={back} />} /></>
}

/** The section whose address is nearest to this one, or the first that the person may see. */
function here(list: Section[], pathname: string): Section | undefined {
  const above = list.filter(({ path }) => pathname === path || pathname.startsWith(`${path}/`))
  return above.sort((a, b) => b.path.length - a.path.length)[0] ?? list[0]
}

function Desk({ session }: { session: Session }) {
  const t = useText()
  const { pathname } = useLocation()
  const narrow = useNarrow()
  const [open, setOpen] = useState(false)
  const list = visible(session)
  const now = here(list, pathname)
  const menu = <Menu list={list} now={now} follow={() => setOpen(false)} />
  return (
    <div className="shell">
      {narrow ? (
        <>
          <Button icon={<MenuOutlined />} onClick={() => setOpen(true)} data-testid="office-menu">{now ? t.sections[now.label] : t.menu}</Button>
          <Drawer open={open} onClose={() => setOpen(false)} placement="left" size={280} title={t.menu}>{menu}</Drawer>
        </>
      ) : (
        menu
      )}
      <main id="main" tabIndex={-1}>
        <StopBanner />
        <OptionalNote />
        {now ? <Suspense fallback={<Loading />}><now.Page key={now.path} /></Suspense> : <Alert type="info" showIcon title={t.nothingYet} />}
      </main>
    </div>
  )
}

function Menu({ list, now, follow }: { list: Section[]; now: Section | undefined; follow: () => void }) {
  const t = useText()
  return (
    <nav aria-label={t.menu} className="desk-menu">
      {groups.map((group) => {
        const mine = list.filter((one) => one.group === group)
        return mine.length === 0 ? null : (
          <section key={group} aria-label={t.groups[group]}>
            <div className="desk-group">{t.groups[group]}</div>
            <ul>
              {mine.map(({ path, label, icon, Badge }) => (
                <li key={path} className={path === now?.path ? 'here' : ''}>
                  <Link to={path} onClick={follow} {...(path === now?.path ? { 'aria-current': 'page' as const } : {})} data-testid={`office-${path.split('/').pop() ?? ''}`}>
                    <span aria-hidden="true">{icon}</span>{t.sections[label]}
                    {Badge && <Badge />}
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        )
      })}
    </nav>
  )
}
