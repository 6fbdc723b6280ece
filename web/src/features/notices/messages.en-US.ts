import type { zh } from './messages.zh-CN'

export const en: typeof zh = {
  title: 'My messages',
  bell: (n: number) => (n === 0 ? 'My messages' : `My messages, ${n} unread`),
  lead: 'Notices sent to your phone are kept here too, in Chinese as they were sent; codes and links are not.',
  empty: 'There are no messages yet.',
  emptyUnread: 'There are no unread messages.',
  all: 'All',
  onlyUnread: 'Unread',
  filter: 'Which messages to show',
  unread: 'Unread',
  markRead: 'Mark as read',
  markAll: 'Mark all as read',
}
