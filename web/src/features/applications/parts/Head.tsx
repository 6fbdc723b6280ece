import type { Schema } from '@/api/client'
import { useText } from '../text'
import { ApplicationTag } from '@/ui/ApplicationTag'

type Application = Schema<'Application'>

/** Number, certificate and state, above every step. */
export function Head({ application }: { application: Application }) {
  const t = useText()
  return (
    <div className="row panel" style={{ padding: '12px 20px', columnGap: 24 }}>
      <span><span className="quiet">{t.number} </span><span className="mono" data-testid="wizard-number">{application.number}</span></span>
      {application.certificateName && <span><span className="quiet">{t.certificate} </span>{application.certificateName}</span>}
      {application.serialHex && <span><span className="quiet">{t.serial} </span><span className="mono">{application.serialHex}</span></span>}
      <span data-testid="wizard-state" data-state={application.state}><ApplicationTag state={application.state} /></span>
    </div>
  )
}
