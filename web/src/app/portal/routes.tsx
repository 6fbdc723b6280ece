import { createBrowserRouter, Navigate, type RouteObject } from 'react-router'
import { Broken } from '@/ui/Boundary'
import { Loading } from '@/ui/Ready'
import { Account, Tools } from './guards'
import { PublicFrame } from './TopBar'

// Every page is its own chunk: nobody downloads the wizard to read the contact page.
const routes: RouteObject[] = [
  {
    element: <PublicFrame />,
    children: [
      { path: '/', lazy: async () => ({ Component: (await import('@/features/projects/pages/HomePage')).HomePage }) },
      { path: '/p/:slug', lazy: async () => ({ Component: (await import('./ProjectLoginPage')).ProjectLoginPage }) },
      { path: '/login', lazy: async () => ({ Component: (await import('./LoginPage')).LoginPage }) },
      { path: '/forgot', lazy: async () => ({ Component: (await import('@/features/accounts/pages/ForgotPage')).ForgotPage }) },
      { path: '/register', lazy: async () => ({ Component: (await import('@/features/accounts/pages/RegisterPage')).RegisterPage }) },
      { path: '/number', lazy: async () => ({ Component: (await import('@/features/accounts/pages/FindNumberPage')).FindNumberPage }) },
      { path: '/progress', lazy: async () => ({ Component: (await import('./ProgressRoute')).ProgressRoute }) },
      { path: '/suspend', lazy: async () => ({ Component: (await import('@/features/accounts/pages/SuspendPage')).SuspendPage }) },
      { path: '/join', lazy: async () => ({ Component: (await import('@/features/accounts/pages/LinkPages')).JoinPage }) },
      { path: '/email', lazy: async () => ({ Component: (await import('@/features/accounts/pages/LinkPages')).EmailPage }) },
      { path: '/phone', lazy: async () => ({ Component: (await import('@/features/factors/pages/PhonePage')).PhonePage }) },
      { path: '/about', lazy: async () => ({ Component: (await import('@/features/projects/pages/AboutPage')).AboutPage }) },
      { path: '/contact', lazy: async () => ({ Component: (await import('@/features/projects/pages/ContactPage')).ContactPage }) },
      { path: '/kmc', lazy: async () => ({ Component: (await import('@/features/recovery/pages/OfficerPage')).OfficerPage }) },
      { path: '/not-open', lazy: async () => ({ Component: (await import('@/features/projects/pages/NotOpenPage')).NotOpenPage }) },
      { path: '/account/supplement', lazy: async () => ({ Component: (await import('./SupplementGate')).SupplementGate }) },
      { path: '/account/agreement', lazy: async () => ({ Component: (await import('./AgreementGate')).AgreementGate }) },
      { path: '/account/supplement/done', lazy: async () => ({ Component: (await import('@/features/accounts/pages/SupplementPage')).SupplementDonePage }) },
      { path: '*', lazy: async () => ({ Component: (await import('@/features/projects/pages/NotOpenPage')).LostPage }) },
    ],
  },
  {
    path: '/account',
    element: <Account />,
    children: [
      { index: true, element: <Navigate to="/account/home" replace /> },
      { path: 'home', lazy: async () => ({ Component: (await import('@/features/home/pages/TodayPage')).TodayPage }) },
      { path: 'apply', lazy: async () => ({ Component: (await import('@/features/applications/pages/ApplyPage')).ApplyPage }) },
      { path: 'profile', lazy: async () => ({ Component: (await import('./ProfileRoute')).ProfileRoute }) },
      { path: 'members', lazy: async () => ({ Component: (await import('@/features/accounts/pages/MembersPage')).MembersPage }) },
      { path: 'services', lazy: async () => ({ Component: (await import('@/features/services/pages/ServicesPage')).ServicesPage }) },
      { path: 'orders', lazy: async () => ({ Component: (await import('@/features/orders/pages/OrdersPage')).OrdersPage }) },
      { path: 'orders/:id', lazy: async () => ({ Component: (await import('@/features/orders/pages/OrderPage')).OrderPage }) },
      { path: 'certificates', lazy: async () => ({ Component: (await import('@/features/certificates/pages/CertificatesPage')).CertificatesPage }) },
      { path: 'certificates/:id', lazy: async () => ({ Component: (await import('@/features/certificates/pages/CertificatePage')).CertificatePage }) },
      { path: 'certificates/:id/change', lazy: async () => ({ Component: (await import('@/features/applications/pages/ChangePage')).ChangePage }) },
      { path: 'certificates/:id/unlock', lazy: async () => ({ Component: (await import('@/features/tokens/pages/ApplyUnlockPage')).ApplyUnlockPage }) },
      { path: 'unlocks/:id', lazy: async () => ({ Component: (await import('@/features/tokens/pages/UnlockPage')).UnlockPage }) },
      { path: 'tokens', lazy: async () => ({ Component: (await import('@/features/tokens/pages/TokensPage')).TokensPage }) },
      { path: 'tokens/:serial', lazy: async () => ({ Component: (await import('@/features/tokens/pages/TokenPage')).TokenPage }) },
      { path: 'notices', lazy: async () => ({ Component: (await import('@/features/notices/pages/NoticesPage')).NoticesPage }) },
      { path: 'notices/settings', lazy: async () => ({ Component: (await import('@/features/notices/pages/PreferencesPage')).PreferencesPage }) },
      { path: 'webhooks', lazy: async () => ({ Component: (await import('@/features/notices/pages/WebhooksPage')).WebhooksPage }) },
      { path: 'receipts', lazy: async () => ({ Component: (await import('@/features/shipments/pages/ReceiptsPage')).ReceiptsPage }) },
      { path: 'receipts/:id', lazy: async () => ({ Component: (await import('@/features/shipments/pages/ReceiptPage')).ReceiptPage }) },
      { path: 'recoveries', lazy: async () => ({ Component: (await import('@/features/recovery/pages/RecoveriesPage')).RecoveriesPage }) },
      { path: 'recoveries/:id', lazy: async () => ({ Component: (await import('@/features/recovery/pages/RecoveryPage')).RecoveryPage }) },
      { path: 'renewals', lazy: async () => ({ Component: (await import('@/features/applications/pages/RenewalsPage')).RenewalsPage }) },
      { path: 'renewals/:id', lazy: async () => ({ Component: (await import('@/features/applications/pages/RenewalBatchPage')).RenewalBatchPage }) },
      { path: 'applications', lazy: async () => ({ Component: (await import('@/features/applications/pages/ApplicationsPage')).ApplicationsPage }) },
      { path: 'applications/:id', lazy: async () => ({ Component: (await import('@/features/applications/pages/ApplicationPage')).ApplicationPage }) },
    ],
  },
  {
    path: '/environment',
    element: <Tools />,
    children: [{ index: true, lazy: async () => ({ Component: (await import('@/features/environment/pages/EnvironmentPage')).EnvironmentPage }) }],
  },
  {
    path: '/verify/:number?',
    element: <Tools />,
    children: [{ index: true, lazy: async () => ({ Component: (await import('@/features/verify/pages/NumberPage')).NumberPage }) }],
  },
  {
    path: '/tools',
    element: <Tools />,
    children: [
      { path: 'sign', lazy: async () => ({ Component: (await import('@/features/signing/pages/SignPage')).SignPage }) },
      { path: 'verify', lazy: async () => ({ Component: (await import('@/features/verify/pages/VerifyPage')).VerifyPage }) },
    ],
  },
]

export const router = createBrowserRouter([{ errorElement: <Broken />, hydrateFallbackElement: <Loading />, children: routes }])
