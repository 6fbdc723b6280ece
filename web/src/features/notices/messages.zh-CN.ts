export const zh = {
  title: '我的消息',
  bell: (n: number) => (n === 0 ? '我的消息' : `我的消息，${n} 条未读`),
  lead: '发送到您手机的通知也保存在这里；验证码和链接不在其中。',
  empty: '还没有消息。',
  emptyUnread: '没有未读消息。',
  all: '全部',
  onlyUnread: '未读',
  filter: '显示哪些消息',
  unread: '未读',
  markRead: '标为已读',
  markAll: '全部标为已读',
}
