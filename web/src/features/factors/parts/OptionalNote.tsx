import { useQuery } from '@tanstack/react-query'
import { Alert } from 'antd'
import { Link } from 'react-router'
import { factorsQuery } from '../queries'
import { useText } from '../text'

/** Says that this installation lets staff in by password alone, as `signet dev` does. */
export function OptionalNote() {
  const { factors: t } = useText()
  const { data } = useQuery(factorsQuery)
  if (!data || data.required) return null
  return <Alert type="warning" banner title={t.optional} action={data.items.length === 0 && <Link to="/admin/me">{t.setNow}</Link>} style={{ marginBottom: 12 }} data-testid="dev-factor" />
}
