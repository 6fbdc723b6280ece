import { Title } from '@/ui/Title'
import { useText } from '../text'

/** 平台介绍 */
export function AboutPage() {
  const { about: t } = useText()
  return (
    <div className="page page-narrow">
      <Title text={t.title} />
      <div className="panel">
        {t.text.map((paragraph) => <p key={paragraph} style={{ lineHeight: 1.9 }}>{paragraph}</p>)}
      </div>
    </div>
  )
}
