import { QueryClientProvider } from '@tanstack/react-query'
import { App, ConfigProvider } from 'antd'
import enUS from 'antd/locale/en_US'
import zhCN from 'antd/locale/zh_CN'
import { useEffect, useState, type ReactNode } from 'react'
import { LanguageProvider, useLanguage } from '@/i18n/language'
import { newQueryClient } from '@/lib/query'
import { Boundary } from './Boundary'
import './base.css'
import { giveFocusBack } from './focusBack'
import { theme } from './theme'

/** What both entries stand on: language, theme, cache, and a last net for faults. */
export function Root({ children }: { children: ReactNode }) {
  const [client] = useState(newQueryClient)
  useEffect(giveFocusBack, [])
  return (
    <LanguageProvider>
      <QueryClientProvider client={client}>
        <Themed>{children}</Themed>
      </QueryClientProvider>
    </LanguageProvider>
  )
}

function Themed({ children }: { children: ReactNode }) {
  const { language } = useLanguage()
  return (
    // autoInsertSpace puts a space into two-character Chinese labels, which copies and reads badly.
    <ConfigProvider locale={language === 'en-US' ? enUS : zhCN} theme={theme} button={{ autoInsertSpace: false }}>
      <App>
        <Boundary>{children}</Boundary>
      </App>
    </ConfigProvider>
  )
}
