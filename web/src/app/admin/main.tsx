import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createBrowserRouter, RouterProvider } from 'react-router'
import { languageReady } from '@/i18n/language'
import { Broken } from '@/ui/Boundary'
import { Root } from '@/ui/Root'
import { Office } from './Office'

const router = createBrowserRouter([{ path: '*', element: <Office />, errorElement: <Broken /> }])

const root = document.getElementById('root')
if (root) {
  void languageReady().then(() => {
    createRoot(root).render(
      <StrictMode>
        <Root><RouterProvider router={router} /></Root>
      </StrictMode>,
    )
  })
}
