import { createContext, use, useEffect, useState, type ReactNode } from 'react'

export type Language = 'zh-CN' | 'en-US'

/** The English side of a Chinese catalogue: the same keys, the same parameters. */
export type Translated<Source> = {
  [Key in keyof Source]: Source[Key] extends (...args: infer Args) => string
    ? (...args: Args) => string
    : Source[Key] extends string
      ? string
      : Translated<Source[Key]>
}

interface Choice {
  language: Language
  choose: (language: Language) => void
}

const storageKey = 'signet.language'
const Context = createContext<Choice>({ language: 'zh-CN', choose: () => undefined })

/** Chinese is the source and the default, whatever the browser prefers; a choice is kept. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() =>
    localStorage.getItem(storageKey) === 'en-US' ? 'en-US' : 'zh-CN',
  )
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const choose = (next: Language) => {
    localStorage.setItem(storageKey, next)
    setLanguage(next)
  }
  return <Context value={{ language, choose }}>{children}</Context>
}

export const useLanguage = () => use(Context)

/** The catalogue in the chosen language. */
export function useMessages<Source>(zh: Source, en: Translated<Source>): Translated<Source> {
  return useLanguage().language === 'en-US' ? en : (zh as Translated<Source>)
}
