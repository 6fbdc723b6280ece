import { createContext, use, useEffect, useState, type ReactNode } from 'react'
import { loadEnglish } from './problemText'

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
const kept = (): Language => (localStorage.getItem(storageKey) === 'en-US' ? 'en-US' : 'zh-CN')

/** To be waited for before the first page: the texts of the language that was kept. */
export async function languageReady() {
  if (kept() === 'en-US') await loadEnglish()
}

const Context = createContext<Choice>({ language: 'zh-CN', choose: () => undefined })

/** Chinese is the source and the default, whatever the browser prefers; a choice is kept. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(kept)
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const choose = (next: Language) => {
    localStorage.setItem(storageKey, next)
    if (next === 'en-US') void loadEnglish().then(() => setLanguage(next))
    else setLanguage(next)
  }
  return <Context value={{ language, choose }}>{children}</Context>
}

export const useLanguage = () => use(Context)

/** The catalogue in the chosen language. */
export function useMessages<Source>(zh: Source, en: Translated<Source>): Translated<Source> {
  return useLanguage().language === 'en-US' ? en : (zh as Translated<Source>)
}
