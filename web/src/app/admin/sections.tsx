import { AlertOutlined, AppstoreAddOutlined, AuditOutlined, BarChartOutlined, ControlOutlined, EditOutlined, FileDoneOutlined, FileSearchOutlined, IdcardOutlined, ImportOutlined, KeyOutlined, MessageOutlined, ProfileOutlined, QuestionCircleOutlined, SafetyCertificateOutlined, SafetyOutlined, ScheduleOutlined, SendOutlined, TeamOutlined, UnlockOutlined, UsbOutlined, UserOutlined } from '@ant-design/icons'
import { lazy, type ComponentType, type ReactNode } from 'react'
import { has, type Role, type Session } from '@/api/session'
import { AlarmCount } from '@/features/operations/parts/AlarmCount'
import type { zh } from './messages.zh-CN'

type Labels = typeof zh.sections
export type Group = keyof typeof zh.groups

export interface Section {
  group: Group
  /** its address; what is below it belongs to it too, for the page's own Routes */
  path: string
  label: keyof Labels
  icon: ReactNode
  /** who sees it; the server checks again on every call */
  roles: Role[] | 'everyone'
  Page: ComponentType
  /** beside the label in the menu */
  Badge?: ComponentType
}

/** The groups in the order of the menu. */
export const groups: Group[] = ['work', 'keys', 'parcels', 'money', 'projects', 'people', 'authority', 'audit', 'own']

/** The whole back office: one line a section, in the order of the menu within its group. */
export const sections: Section[] = [
  { group: 'work', path: '/admin/review', label: 'review', icon: <AuditOutlined />, roles: ['reviewer', 'approver'], Page: lazy(async () => ({ default: (await import('@/features/review/pages/ReviewPages')).ReviewPages })) },
  { group: 'work', path: '/admin/unlocks', label: 'unlocks', icon: <UnlockOutlined />, roles: ['reviewer'], Page: lazy(async () => ({ default: (await import('@/features/tokens/pages/ReviewUnlocksPage')).ReviewUnlocksPage })) },
  { group: 'work', path: '/admin/recoveries', label: 'recoveries', icon: <KeyOutlined />, roles: ['reviewer', 'approver'], Page: lazy(async () => ({ default: (await import('@/features/recovery/pages/ReviewRecoveriesPage')).ReviewRecoveriesPage })) },
  { group: 'parcels', path: '/admin/shipments', label: 'shipments', icon: <SendOutlined />, roles: ['shipper', 'manager', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/shipments/pages/ShippingPage')).ShippingPage })) },
  { group: 'work', path: '/admin/organisations', label: 'organisations', icon: <IdcardOutlined />, roles: ['window', 'reviewer'], Page: lazy(async () => ({ default: (await import('@/features/accounts/pages/OrganisationsPage')).OrganisationsPage })) },
  { group: 'work', path: '/admin/tickets', label: 'tickets', icon: <QuestionCircleOutlined />, roles: ['window', 'reviewer'], Page: lazy(async () => ({ default: (await import('@/features/accounts/pages/TicketsPage')).TicketsPage })) },
  { group: 'keys', path: '/admin/flash', label: 'flash', icon: <AppstoreAddOutlined />, roles: ['operator'], Page: lazy(async () => ({ default: (await import('@/features/flash/pages/FlashPage')).FlashPage })) },
  { group: 'keys', path: '/admin/tokens', label: 'tokens', icon: <UsbOutlined />, roles: ['operator'], Page: lazy(async () => ({ default: (await import('@/features/tokens/pages/RegisterPage')).RegisterPage })) },
  { group: 'keys', path: '/admin/certificates', label: 'inventory', icon: <FileSearchOutlined />, roles: ['reviewer', 'approver', 'operator', 'admin', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/inventory/pages/InventoryPages')).InventoryPages })) },
  { group: 'keys', path: '/admin/imports', label: 'imports', icon: <ImportOutlined />, roles: ['admin'], Page: lazy(async () => ({ default: (await import('@/features/imports/pages/ImportPage')).ImportPage })) },
  { group: 'money', path: '/admin/orders', label: 'orders', icon: <FileDoneOutlined />, roles: ['finance', 'manager', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/finance/pages/FinancePage')).FinancePage })) },
  { group: 'projects', path: '/admin/content', label: 'content', icon: <EditOutlined />, roles: ['manager', 'admin', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/content/pages/ContentPages')).ContentPages })) },
  { group: 'people', path: '/admin/staff', label: 'staff', icon: <TeamOutlined />, roles: ['security', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/staff/pages/PeoplePage')).PeoplePage })) },
  { group: 'people', path: '/admin/grants', label: 'grants', icon: <SafetyCertificateOutlined />, roles: ['security', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/staff/pages/GrantsPage')).GrantsPage })) },
  { group: 'own', path: '/admin/me', label: 'me', icon: <UserOutlined />, roles: 'everyone', Page: lazy(async () => ({ default: (await import('./MePage')).MePage })) },
  { group: 'authority', path: '/admin/operations', label: 'operations', icon: <ControlOutlined />, roles: ['admin', 'security', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/operations/pages/OperationsPage')).OperationsPage })) },
  { group: 'authority', path: '/admin/profiles', label: 'profiles', icon: <ProfileOutlined />, roles: ['admin', 'security', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/profiles/pages/ProfilesPages')).ProfilesPages })) },
  { group: 'authority', path: '/admin/alarms', label: 'alarms', icon: <AlertOutlined />, roles: ['admin', 'security', 'auditor'], Badge: AlarmCount, Page: lazy(async () => ({ default: (await import('@/features/operations/pages/AlarmsPage')).AlarmsPage })) },
  { group: 'authority', path: '/admin/jobs', label: 'jobs', icon: <ScheduleOutlined />, roles: ['admin', 'security', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/operations/pages/WorkPage')).WorkPage })) },
  { group: 'authority', path: '/admin/notices', label: 'notices', icon: <MessageOutlined />, roles: ['admin', 'auditor'], Page: lazy(async () => ({ default: (await import('@/features/operations/pages/SentPage')).SentPage })) },
  { group: 'audit', path: '/admin/statistics', label: 'statistics', icon: <BarChartOutlined />, roles: ['manager', 'supervisor', 'auditor', 'admin', 'security'], Page: lazy(async () => ({ default: (await import('@/features/statistics/pages/StatisticsPage')).StatisticsPage })) },
  { group: 'audit', path: '/admin/audit', label: 'audit', icon: <SafetyOutlined />, roles: ['auditor'], Page: lazy(async () => ({ default: (await import('@/features/audit/pages/AuditPage')).AuditPage })) },
]

export const visible = (session: Session) => sections.filter(({ roles }) => roles === 'everyone' || has(session, ...roles))
