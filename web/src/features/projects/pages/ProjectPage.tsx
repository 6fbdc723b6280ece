import { useQuery } from '@tanstack/react-query'
import { Alert, Tabs } from 'antd'
import { useEffect, type ReactNode } from 'react'
import { useParams } from 'react-router'
import type { Schema } from '@/api/client'
import { yuan } from '@/lib/money'
import { lastProject } from '@/lib/place'
import { ContactBlock } from '@/ui/ContactBlock'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { useNarrow } from '@/ui/useNarrow'
import { DemoTag } from '../parts/DemoTag'
import { projectQuery } from '../queries'
import { useText } from '../text'

type Project = Schema<'Project'>

/** A cooperation project's own page: product, menu, contact, and the login the app puts in. Source: S002-23…26, 58. */
export function ProjectPage({ login }: { login: (slug: string) => ReactNode }) {
  const { slug = '' } = useParams()
  const query = useQuery(projectQuery(slug))
  const found = query.data?.slug
  useEffect(() => {
    if (found) lastProject.keep(found)
  }, [found])
  return (
    <div className="page">
      <Ready query={query}>{(project) => <Body project={project} login={login(project.slug)} />}</Ready>
    </div>
  )
}

function Body({ project, login }: { project: Project; login: ReactNode }) {
  const { project: t } = useText()
  const narrow = useNarrow()
  const panel = <div key="login" style={{ flex: '0 1 360px', minWidth: narrow ? '100%' : 320 }}>{login}</div>
  const rest = (
    <div key="rest" className="stack" style={{ flex: '1 1 480px', minWidth: 0 }}>
      <section className="panel"><Menu project={project} narrow={narrow} /></section>
      <section className="panel">
        <ContactBlock contact={project.contact} />
        <p className="quiet" style={{ margin: '12px 0 0' }}>{t.forgotNumber}</p>
      </section>
    </div>
  )
  return (
    <>
      <Title text={project.product || project.name} extra={project.demo && <DemoTag />} />
      <p className="quiet" style={{ marginTop: 0 }}>
        {project.name} · {project.priceCents > 0 ? t.price(yuan(project.priceCents), project.termMonths) : t.free(project.termMonths)}
      </p>
      {project.notice && <Alert type="info" showIcon title={project.notice} style={{ marginBottom: 16 }} />}
      {/* Moved by key, not made anew: what was typed stays when the window is turned or zoomed. */}
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 20, alignItems: 'flex-start' }}>{narrow ? [panel, rest] : [rest, panel]}</div>
    </>
  )
}

function Menu({ project, narrow }: { project: Project; narrow: boolean }) {
  const { project: t } = useText()
  const items = [
    { key: 'process', label: t.process, children: <Steps texts={project.process ?? []} numbered /> },
    { key: 'help', label: t.help, children: <Steps texts={project.help ?? []} /> },
    { key: 'downloads', label: t.downloads, children: <Downloads files={project.downloads ?? []} /> },
    { key: 'account', label: t.account, children: <p style={{ margin: 0 }}>{t.accountText}</p> },
  ]
  if (!narrow) return <Tabs aria-label={t.menu} tabPlacement="start" items={items} />
  return items.map((item) => (
    <details key={item.key} className="fold" open={item.key === 'process'}>
      <summary>{item.label}</summary>
      {item.children}
    </details>
  ))
}

function Steps({ texts, numbered = false }: { texts: string[]; numbered?: boolean }) {
  const { project: t } = useText()
  if (texts.length === 0) return <p className="quiet">{t.noHelp}</p>
  const List = numbered ? 'ol' : 'ul'
  return (
    <List style={{ margin: 0, paddingInlineStart: 22 }}>
      {texts.map((text) => <li key={text} className="wrap" style={{ marginBottom: 6 }}>{text}</li>)}
    </List>
  )
}

function Downloads({ files }: { files: Schema<'Download'>[] }) {
  const { project: t } = useText()
  if (files.length === 0) return <p className="quiet">{t.noDownloads}</p>
  return (
    <ul style={{ margin: 0, paddingInlineStart: 22 }}>
      {files.filter((file) => /^(https?:\/\/|\/)/.test(file.url)).map((file) => (
        <li key={file.url}><a href={file.url} rel="noreferrer">{file.title}</a></li>
      ))}
    </ul>
  )
}
