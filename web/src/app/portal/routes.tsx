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
      { path: '/p/:slug', lazy: async () => ({ Component: (await import('./LoginPages')).ProjectLoginPage }) },
      { path: '/login', lazy: async () => ({ Component: (await import('./LoginPages')).LoginPage }) },
      { path: '/about', lazy: async () => ({ Component: (await import('@/features/projects/pages/AboutPage')).AboutPage }) },
      { path: '/contact', lazy: async () => ({ Component: (await import('@/features/projects/pages/ContactPage')).ContactPage }) },
      { path: '/not-open', lazy: async () => ({ Component: (await import('@/features/projects/pages/NotOpenPage')).NotOpenPage }) },
      { path: '/account/supplement', lazy: async () => ({ Component: (await import('./SupplementGate')).SupplementGate }) },
      { path: '/account/supplement/done', lazy: async () => ({ Component: (await import('@/features/accounts/pages/SupplementPage')).SupplementDonePage }) },
      { path: '*', lazy: async () => ({ Component: (await import('@/features/projects/pages/NotOpenPage')).LostPage }) },
    ],
  },
  {
    path: '/account',
    element: <Account />,
    children: [
      { index: true, element: <Navigate to="/account/services" replace /> },
      { path: 'profile', lazy: async () => ({ Component: (await import('@/features/accounts/pages/ProfilePage')).ProfilePage }) },
      { path: 'services', lazy: async () => ({ Component: (await import('@/features/services/pages/ServicesPage')).ServicesPage }) },
      { path: 'orders', lazy: async () => ({ Component: (await import('@/features/orders/pages/OrdersPage')).OrdersPage }) },
      { path: 'orders/:id', lazy: async () => ({ Component: (await import('@/features/orders/pages/OrderPage')).OrderPage }) },
      { path: 'certificates', lazy: async () => ({ Component: (await import('@/features/certificates/pages/CertificatesPage')).CertificatesPage }) },
      { path: 'certificates/:id', lazy: async () => ({ Component: (await import('@/features/certificates/pages/CertificatePage')).CertificatePage }) },
      { path: 'applications', lazy: async () => ({ Component: (await import('@/features/applications/pages/ApplicationsPage')).ApplicationsPage }) },
      { path: 'applications/:id', lazy: async () => ({ Component: (await import('@/features/applications/pages/RenewalPage')).RenewalPage }) },
    ],
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
