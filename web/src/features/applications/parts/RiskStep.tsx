import { Alert, Button } from 'antd'
import type { Schema } from '@/api/client'
import { LinkButton } from '@/ui/LinkButton'
import { useText } from '../text'

/** 风险告知: the server's own words, which are the very words that get signed. Source: S002-42. */
export function RiskStep({ notice, accept }: { notice: Schema<'RiskNotice'>; accept: () => void }) {
  const { risk: t } = useText()
  return (
    <div className="stack">
      <section className="notice" lang="zh-CN" aria-label={notice.title} tabIndex={0} data-testid="wizard-risk-text">
        <h2 className="title">{notice.title}</h2>
        <div className="prose">{notice.text}</div>
        <p className="quiet" style={{ marginBottom: 0 }}>{t.version} {notice.version}</p>
      </section>
      <Alert type="info" showIcon title={t.how} description={t.howText} />
      <div className="row">
        <Button type="primary" size="large" onClick={accept} data-testid="wizard-risk-accept">{t.accept}</Button>
        <LinkButton size="large" to="/account/certificates" data-testid="wizard-risk-close">{t.close}</LinkButton>
        <Button type="link" onClick={() => window.print()}>{t.print}</Button>
      </div>
    </div>
  )
}
