import { Result } from 'antd'
import { useSearchParams } from 'react-router'
import { useCommon } from '@/i18n/common'
import { LinkButton } from '@/ui/LinkButton'
import { Title } from '@/ui/Title'
import { Contacts } from '../parts/Contacts'
import { useText } from '../text'

/** Says plainly what cannot be done here yet, and whom to call instead. */
export function NotOpenPage() {
  const { notOpen: t } = useText()
  const common = useCommon()
  const about = useSearchParams()[0].get('about')
  return (
    <div className="page page-narrow">
      <Title text={t.title} />
      <Result
        status="info"
        title={<span data-testid="not-open">{about === 'register' ? t.register : t.other}</span>}
        subTitle={t.text}
        extra={<LinkButton to="/" type="primary">{common.home}</LinkButton>}
      />
      <Contacts />
    </div>
  )
}

export function LostPage() {
  const { lost: t } = useText()
  const common = useCommon()
  return (
    <div className="page page-narrow">
      <Title text={t.title} />
      <Result status="404" title={t.title} subTitle={t.text} extra={<LinkButton to="/" type="primary">{common.home}</LinkButton>} />
    </div>
  )
}
