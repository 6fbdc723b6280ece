import { Button } from 'antd'
import { useLanguage } from '@/i18n/language'

/** Shows the other language in its own words. */
export function LanguageSwitch() {
  const { language, choose } = useLanguage()
  const other = language === 'zh-CN' ? 'en-US' : 'zh-CN'
  return (
    <Button size="small" type="text" lang={other} data-testid="language-switch" onClick={() => choose(other)}>
      {other === 'en-US' ? 'English' : '中文'}
    </Button>
  )
}
