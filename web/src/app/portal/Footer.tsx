import { useQuery } from '@tanstack/react-query'
import { projectQuery } from '@/features/projects/queries'
import { useCommon } from '@/i18n/common'
import { lastProject } from '@/lib/place'
import { useText } from './text'

/** The contact of the project at hand, on every page. Source: S002-58. */
export function Footer() {
  const t = useText()
  const { service } = useCommon()
  const slug = lastProject.read() ?? ''
  const { data: project } = useQuery({ ...projectQuery(slug), enabled: slug !== '' })
  const contact = project?.contact
  return (
    <footer className="foot">
      {contact && (
        <div className="row" style={{ justifyContent: 'center', marginBottom: 4 }}>
          <span>{service.phone} {contact.phone}</span>
          {contact.hours && <span>{service.hours} {contact.hours}</span>}
          {contact.emergency && <span>{service.emergency} {contact.emergency}</span>}
        </div>
      )}
      {t.footer}
    </footer>
  )
}
