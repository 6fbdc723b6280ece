import { NavLink } from 'react-router'
import { isStaff, type Session } from '@/api/session'
import { useText } from './text'

/** 自助服务: the seed's items in the seed's order, then what Signet adds. What is not built yet says so. Source: S002-29. */
export function Menu({ session, follow }: { session: Session; follow?: () => void }) {
  const t = useText()
  const item = (to: string, label: string) => (
    <li key={to}><NavLink to={to} {...(follow ? { onClick: follow } : {})} data-testid={`menu-${to.split('/').pop() ?? ''}`}>{label}</NavLink></li>
  )
  return (
    <nav aria-label={t.menu}>
      <ul className="menu-list">{item('/account/home', t.items.today)}</ul>
      <hr className="menu-rule" />
      <div className="menu-title">{t.menu}</div>
      <ul className="menu-list">
        {item('/account/apply', t.items.apply)}
        {item('/account/profile', t.items.profile)}
        {item('/account/services', t.items.services)}
        {item('/account/certificates', t.items.certificates)}
        {item('/account/orders', t.items.orders)}
        {item('/account/receipts', t.items.receipts)}
        {item('/contact', t.items.contact)}
        {isStaff(session) && <li key="admin"><a href="/admin" data-testid="menu-admin">{t.items.admin}</a></li>}
      </ul>
      <hr className="menu-rule" />
      <ul className="menu-list">
        {item('/account/applications', t.items.applications)}
        {item('/account/notices', t.items.notices)}
        {item('/account/tokens', t.items.tokens)}
        {item('/account/members', t.items.members)}
        {item('/tools/sign', t.items.sign)}
        {item('/tools/verify', t.items.verify)}
        {item('/environment', t.items.environment)}
      </ul>
    </nav>
  )
}
