import { useQuery } from '@tanstack/react-query'
import { ContactBlock } from '@/ui/ContactBlock'
import { Ready } from '@/ui/Ready'
import { projectsQuery } from '../queries'

/** The contact of every project, named. */
export function Contacts() {
  const query = useQuery(projectsQuery({ page: 1, size: 50, find: '' }))
  return (
    <Ready query={query}>
      {({ items }) => (
        <div className="stack">
          {items.map((project) => (
            <section key={project.slug} className="panel">
              <p style={{ margin: '0 0 8px', fontWeight: 600 }}>{project.name}</p>
              <ContactBlock contact={project.contact} />
            </section>
          ))}
        </div>
      )}
    </Ready>
  )
}
