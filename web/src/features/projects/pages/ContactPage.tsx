import { Title } from '@/ui/Title'
import { Contacts } from '../parts/Contacts'
import { useText } from '../text'

/** 联系我们. Source: S002-58. */
export function ContactPage() {
  const { contact: t } = useText()
  return (
    <div className="page page-narrow">
      <Title text={t.title} />
      <p className="quiet">{t.lead}</p>
      <Contacts />
    </div>
  )
}
