import { useQuery } from '@tanstack/react-query'
import { projectQuery, projectsQuery } from '@/features/projects/queries'
import { useCommon } from '@/i18n/common'
import { lastProject } from '@/lib/place'
import { useText } from './text'

/** The contact of the project at hand, or of the first there is, on every page. Source: S002-58. */
export function Footer() {
  const t = useText()
  const { service } = useCommon()
  const slug = lastProject.read() ?? ''
  const last = useQuery({ ...projectQuery(slug), enabled: slug !== '' })
  const all = useQuery({ ...projectsQuery({ page: 1, size: 5, find: '' }), enabled: slug === '' })
  const contact = (last.data ?? all.data?.items[0])?.contact
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
