import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { RouterProvider } from 'react-router'
import { languageReady } from '@/i18n/language'
import { Root } from '@/ui/Root'
import { router } from './routes'

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
