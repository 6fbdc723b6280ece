import { useMutation, useQuery } from '@tanstack/react-query'
import { Empty, Modal, Radio } from 'antd'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useCommon } from '@/i18n/common'
import { day } from '@/lib/time'
import { LinkButton } from '@/ui/LinkButton'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import type { Schema } from '@/api/client'
import { choicesQuery, projectsQuery, startApplication, type Kind } from '../queries'
import { useText } from '../text'

type Certificate = Schema<'Certificate'>

// What a kind is for: a lost certificate is suspended, a suspended one resumed or replaced, and none of these is over.
const fits: Partial<Record<Kind, readonly Certificate['state'][]>> = {
  suspend: ['valid', 'expiring'], resume: ['suspended'], renew: ['expired', 'expiring'],
}
const alive: readonly Certificate['state'][] = ['valid', 'expiring', 'expired', 'suspended']

export const fitsKind = (kind: Kind) => ({ state }: Pick<Certificate, 'state'>) => (fits[kind] ?? alive).includes(state)

/** For which certificate, or for a new one in which project; then the application begins. */
export function CertificateChoice({ kind, close }: { kind: Kind; close: () => void }) {
  const t = useText()
  const common = useCommon()
  const navigate = useNavigate()
  const [picked, pick] = useState('')
  const fresh = kind === 'new'
  const start = useMutation({ ...startApplication, onSuccess: (application) => void navigate(`/account/applications/${application.id}`) })
  const changing = kind === 'change_name'
  const go = () => {
    if (changing) void navigate(`/account/certificates/${picked}/change`)
    else start.mutate(fresh ? { kind, projectSlug: picked } : { kind, certificateId: picked })
  }
  return (
    <Modal
      open
      title={fresh ? t.apply.whichProject : t.apply.whichCertificate}
      okText={common.goOn}
      cancelText={common.cancel}
      onOk={go}
      onCancel={close}
      confirmLoading={start.isPending}
      okButtonProps={{ disabled: picked === '', 'data-testid': 'apply-start' }}
      width={600}
    >
      <div className="stack">
        {fresh ? <Projects value={picked} pick={pick} /> : <Certificates kind={kind} value={picked} pick={pick} />}
        <Problem error={start.error} testId="apply-problem" />
      </div>
    </Modal>
  )
}

interface ChoiceProps {
  value: string
  pick: (id: string) => void
}

function Certificates({ kind, value, pick }: ChoiceProps & { kind: Kind }) {
  const t = useText()
  const { stateWords } = t.apply
  const query = useQuery(choicesQuery)
  return (
    <Ready query={query}>
      {(items) => {
        const meant = items.filter(fitsKind(kind))
        if (meant.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.apply.noCertificate}><LinkButton to="/account/certificates">{t.back}</LinkButton></Empty>
        return (
          <Radio.Group value={value} onChange={(event) => pick(event.target.value as string)} aria-label={t.apply.whichCertificate} className="choices">
            {meant.map((one) => (
              <Radio key={one.id} value={one.id} data-testid={`apply-certificate-${one.serialHex}`}>
                {one.name} <span className="mono">{one.serialHex}</span> <span className="quiet">{stateWords[one.state]} · {t.apply.until(day(one.notAfter))}</span>
              </Radio>
            ))}
          </Radio.Group>
        )
      }}
    </Ready>
  )
}

function Projects({ value, pick }: ChoiceProps) {
  const t = useText()
  return (
    <Ready query={useQuery(projectsQuery)}>
      {(items) => (
        <Radio.Group value={value} onChange={(event) => pick(event.target.value as string)} aria-label={t.apply.whichProject} className="choices">
          {items.map((one) => (
            <Radio key={one.slug} value={one.slug} data-testid={`apply-project-${one.slug}`}>{one.name} <span className="quiet">{one.product}</span></Radio>
          ))}
        </Radio.Group>
      )}
    </Ready>
  )
}
