import { BellOutlined } from '@ant-design/icons'
import { useQuery } from '@tanstack/react-query'
import { Badge } from 'antd'
import { Link } from 'react-router'
import { unreadQuery } from '../queries'
import { useText } from '../text'

/** The way to 我的消息, with how many are unread. */
export function Bell() {
  const t = useText()
  const unread = useQuery(unreadQuery).data?.unread ?? 0
  return (
    <Link to="/account/notices" aria-label={t.bell(unread)} data-testid="bell" style={{ padding: 8, lineHeight: 1 }}>
      <Badge count={unread} size="small" aria-hidden="true"><BellOutlined style={{ fontSize: 18 }} aria-hidden="true" /></Badge>
    </Link>
  )
}
