import { useMutation, useQuery } from '@tanstack/react-query'
import { Button, Empty, Pagination, Radio, Tag } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import { useLanguage } from '@/i18n/language'
import { moment } from '@/lib/time'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { noticesQuery, readNotice, readNotices, type Notice } from '../queries'
import { useText } from '../text'
import './notices.css'

const size = 10

/** 我的消息: what the account was told, and what of it was read. */
export function NoticesPage() {
  const t = useText()
  const [unread, setUnread] = useState(false)
  const [page, setPage] = useState(1)
  const query = useQuery(noticesQuery({ page, size, unread }))
  const all = useMutation(readNotices)
  return (
    <>
      <Title text={t.title} extra={<span className="row"><Link to="/account/notices/settings" data-testid="to-settings">{t.settings}</Link><Link to="/account/webhooks" data-testid="to-webhooks">{t.webhooks}</Link></span>} />
      <p>{t.lead}</p>
      <div className="notices-bar">
        <Radio.Group
          aria-label={t.filter}
          optionType="button"
          value={unread}
          onChange={(e) => { setUnread(e.target.value === true); setPage(1) }}
          options={[{ value: false, label: t.all }, { value: true, label: t.onlyUnread }]}
        />
        <Button disabled={!query.data?.unread} loading={all.isPending} onClick={() => { setPage(1); all.mutate() }} data-testid="notices-read-all">{t.markAll}</Button>
      </div>
      <Ready query={query}>
        {({ items, page: at }) =>
          at.total === 0 ? (
            <Empty description={unread ? t.emptyUnread : t.empty} data-testid="notices-empty" />
          ) : (
            <>
              <ul className="notices" data-testid="notices-list">{items.map((n) => <Item key={n.id} notice={n} />)}</ul>
              <Pagination current={at.page} pageSize={size} total={at.total} onChange={setPage} hideOnSinglePage showSizeChanger={false} />
            </>
          )
        }
      </Ready>
    </>
  )
}

function Item({ notice }: { notice: Notice }) {
  const t = useText()
  const read = useMutation(readNotice)
  const english = useLanguage().language === 'en-US' ? notice.textEn : undefined
  return (
    <li className={notice.read ? 'notice' : 'notice notice-unread'}>
      <div className="notice-head">
        <time dateTime={notice.at}>{moment(notice.at)}</time>
        {!notice.read && <Tag color="blue">{t.unread}</Tag>}
        {!notice.read && <Button size="small" type="link" loading={read.isPending} onClick={() => read.mutate(notice.id)} data-testid="notice-read">{t.markRead}</Button>}
      </div>
      <p lang={english ? 'en-US' : 'zh-CN'} className="wrap">{english ?? notice.text}</p>
    </li>
  )
}
