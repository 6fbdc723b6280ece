import { useQuery } from '@tanstack/react-query'
import { Link, Route, Routes, useParams } from 'react-router'
import { useLanguage } from '@/i18n/language'
import { Ready } from '@/ui/Ready'
import { Rows } from '@/ui/Rows'
import { Title } from '@/ui/Title'
import { Rules } from '../parts/Rules'
import { Trial } from '../parts/Trial'
import { profilesQuery, type Profile } from '../queries'
import { useSpan, useText } from '../text'

/** 证书模板: all of them, and one with its dry run. */
export function ProfilesPages() {
  return (
    <Routes>
      <Route path="/admin/profiles/:id" element={<ProfilePage />} />
      <Route path="*" element={<ProfilesPage />} />
    </Routes>
  )
}

function ProfilesPage() {
  const t = useText()
  const span = useSpan()
  const name = useName()
  const query = useQuery(profilesQuery)
  return (
    <>
      <Title text={t.title} />
      <p>{t.help}</p>
      <Ready query={query}>
        {({ items }) => (
          <div className="panel dense">
            <Rows
              label={t.title}
              rows={items}
              rowKey={place}
              empty={t.none}
              columns={[
                { key: 'title', title: t.columns.title, cell: (p) => <><Link to={`/admin/profiles/${encodeURIComponent(place(p))}`} data-testid={`profile-${p.id}`}>{name(p)}</Link><div className="mono quiet">{p.id}</div></> },
                { key: 'kind', title: t.columns.kind, cell: (p) => t.kinds[p.kind as keyof typeof t.kinds] ?? p.kind },
                { key: 'keys', title: t.columns.keys, cell: (p) => p.keys.join(', ') },
                { key: 'longest', title: t.columns.longest, cell: (p) => t.validity(span(p.validFor), span(p.longestFor)) },
                { key: 'cas', title: t.columns.cas, cell: (p) => p.cas.length > 0 ? <span className="mono">{p.cas.join(', ')}</span> : <span className="quiet">{t.unused}</span> },
              ]}
            />
          </div>
        )}
      </Ready>
    </>
  )
}

/** Two CAs may call different profiles by one name: then the CA tells them apart. */
const place = (p: Profile) => (p.cas[0] === undefined ? p.id : `${p.id}@${p.cas[0]}`)

function useName() {
  const { language } = useLanguage()
  return (p: Profile) => (language === 'en-US' ? (p.titleEn ?? p.titleZh) : p.titleZh)
}

function ProfilePage() {
  const t = useText()
  const name = useName()
  const { id = '' } = useParams()
  const query = useQuery(profilesQuery)
  return (
    <>
      <p><Link to="/admin/profiles">{t.back}</Link></p>
      <Ready query={query}>
        {({ items }) => {
          const profile = items.find((p) => place(p) === id)
          if (!profile) return <p>{t.noSuch}</p>
          return (
            <div className="stack" data-testid="profile">
              <Title text={name(profile)} />
              <Rules of={profile} />
              <Trial key={place(profile)} of={profile} />
            </div>
          )
        }}
      </Ready>
    </>
  )
}
