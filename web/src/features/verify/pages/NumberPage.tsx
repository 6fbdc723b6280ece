import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Input } from 'antd'
import { useState } from 'react'
import { useNavigate, useParams } from 'react-router'
import { codeOf } from '@/api/refusal'
import { useMessages } from '@/i18n/language'
import { moment } from '@/lib/time'
import { Facts } from '@/ui/Facts'
import { Problem } from '@/ui/Problem'
import { Loading } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { en } from '../number.en-US'
import { zh } from '../number.zh-CN'
import { letterQuery } from '../queries'

/** 编号核对: where the code on a printed letter leads. Open to anybody. */
export function NumberPage() {
  const t = useMessages(zh, en)
  const { number = '' } = useParams()
  const navigate = useNavigate()
  const [typed, setTyped] = useState(number)
  return (
    <div className="page page-narrow">
      <Title text={t.page} />
      <p className="quiet">{t.lead}</p>
      <form
        className="row panel"
        onSubmit={(event) => {
          event.preventDefault()
          const wanted = typed.trim().toUpperCase()
          if (wanted) void navigate(`/verify/${encodeURIComponent(wanted)}`)
        }}
      >
        <label htmlFor="number"><strong>{t.input}</strong></label>
        <Input id="number" value={typed} maxLength={40} placeholder={t.example} onChange={(event) => setTyped(event.target.value)} style={{ flex: '1 1 220px' }} data-testid="number" />
        <Button type="primary" htmlType="submit">{t.act}</Button>
      </form>
      {number && <Answer key={number} number={number} />}
    </div>
  )
}

function Answer({ number }: { number: string }) {
  const t = useMessages(zh, en)
  const query = useQuery(letterQuery(number))
  if (query.isPending) return <Loading />
  if (query.isError) {
    if (codeOf(query.error) !== 'not_found') return <Problem error={query.error} retry={() => void query.refetch()} />
    return <Alert style={{ marginTop: 16 }} type="warning" showIcon title={t.unknown} description={t.unknownText} data-testid="unknown" />
  }
  const letter = query.data
  return (
    <section className="stack" style={{ marginTop: 16 }} data-testid="found">
      <Alert type="success" showIcon title={t.found} description={t.foundText} />
      <Facts
        columns={1}
        facts={[
          { key: 'title', label: t.title, value: letter.title },
          { key: 'number', label: t.number, value: <span className="mono">{letter.number}</span> },
          { key: 'organisation', label: t.organisation, value: letter.maskedName },
          { key: 'printed', label: t.printed, value: moment(letter.createdAt) },
          { key: 'hash', label: t.hash, value: <span className="mono">{letter.sha256}</span> },
        ]}
      />
    </section>
  )
}
