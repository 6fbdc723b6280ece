import { Link } from 'react-router'

export function Logo({ to = '/' }: { to?: string }) {
  return (
    <Link to={to} className="row" style={{ gap: 10, color: 'inherit', fontWeight: 600, fontSize: 18, whiteSpace: 'nowrap' }}>
      <img src="/seal.svg" alt="" width={30} height={30} />
      Signet 印信
    </Link>
  )
}
