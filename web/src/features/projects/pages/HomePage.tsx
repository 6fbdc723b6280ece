import { useQuery } from '@tanstack/react-query'
import { Empty } from 'antd'
import { Link } from 'react-router'
import type { Schema } from '@/api/client'
import { LinkButton } from '@/ui/LinkButton'
import { Pager } from '@/ui/Pager'
import { Ready } from '@/ui/Ready'
import { SearchBar } from '@/ui/SearchBar'
import { Title } from '@/ui/Title'
import { useListState } from '@/ui/useListState'
import { DemoTag } from '../parts/DemoTag'
import { projectsQuery } from '../queries'
import { useText } from '../text'

/** 合作项目: the directory by which a person finds the login page. Source: S002-21, 22. */
export function HomePage() {
  const { home: t } = useText()
  const list = useListState()
  const query = useQuery(projectsQuery(list))
  return (
    <div className="page">
      <Title text={t.title} />
      <p className="quiet" style={{ marginTop: 0 }}>{t.lead}</p>
      <SearchBar key={list.find} label={t.find} value={list.find} search={(find) => list.change({ find })} testId="project-search" />
      <Ready query={query}>
        {({ items, page }) => (
          <>
            {items.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t.none} />}
            <ul className="cards" data-testid="project-list">
              {items.map((project) => <ProjectCard key={project.slug} project={project} />)}
            </ul>
            <Pager page={page} change={list.change} />
          </>
        )}
      </Ready>
      <h2 className="title" style={{ marginTop: 32 }}>{t.tools}</h2>
      <div className="row">
        <LinkButton to="/tools/verify">{t.verify}</LinkButton>
        <LinkButton to="/tools/sign">{t.sign}</LinkButton>
      </div>
    </div>
  )
}

function ProjectCard({ project }: { project: Schema<'Project'> }) {
  const { home: t } = useText()
  const to = `/p/${encodeURIComponent(project.slug)}`
  return (
    <li className="row" style={{ justifyContent: 'space-between' }}>
      <div>
        <div className="row">
          <Link to={to} style={{ fontWeight: 600, fontSize: 16 }} data-testid={`project-${project.slug}`}>{project.name}</Link>
          {project.demo && <DemoTag />}
        </div>
        {project.product && <div className="quiet">{project.product}</div>}
      </div>
      <LinkButton to={to} aria-label={`${t.enter} ${project.name}`}>{t.enter}</LinkButton>
    </li>
  )
}
