import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, Button } from 'antd'
import { useEffect, useState, type ReactNode } from 'react'
import { KeyAction } from '@/agent/parts/KeyAction'
import { AgentList } from '@/agent/parts/AgentList'
import { useJobRun } from '@/agent/useJobRun'
import { useUKey } from '@/agent/useUKey'
import { api, body, type Schema } from '@/api/client'
import { sessionQuery } from '@/api/session'
import { Facts, type Fact } from '@/ui/Facts'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Title } from '@/ui/Title'
import { Closure } from '../parts/Closure'
import { Credit } from '../parts/Credit'
import { PasswordChange } from '../parts/PasswordChange'
import { SessionList } from '../parts/SessionList'
import { profileQuery } from '../queries'
import { useText } from '../text'

type Profile = Schema<'Profile'>

/** 我的信息: who the account is, and the way from 未核验 to 已实名 by the USB key. `factors` is the panel of second factors. */
export function ProfilePage({ factors }: { factors: ReactNode }) {
  const { profile: t } = useText()
  const query = useQuery(profileQuery)
  return (
    <>
      <Title text={t.page} />
      <Ready query={query}>
        {(profile) => (
          <div className="stack">
            <ProfileFacts profile={profile} />
            <Credit profile={profile} />
            <Possession profile={profile} />
            {factors}
            <PasswordChange />
            <SessionList />
            <section className="panel">
              <h2 className="title">{t.agents}</h2>
              <AgentList />
            </section>
            <Closure profile={profile} />
          </div>
        )}
      </Ready>
    </>
  )
}

const tones: Record<Schema<'AccountState'>, Tone> = { legacy: 'soon', unverified: 'soon', verified: 'good', frozen: 'bad', closed: 'bad' }

function ProfileFacts({ profile }: { profile: Profile }) {
  const { profile: t } = useText()
  const { organisation } = profile
  const facts: Fact[] = [
    { key: 'login', label: t.account, value: profile.login },
    { key: 'state', label: t.state, value: <span data-testid="profile-state" data-state={profile.state}><StateTag tone={tones[profile.state]} text={t.states[profile.state]} /></span> },
    { key: 'phone', label: t.phone, value: profile.phoneMasked || '—' },
    { key: 'organisation', label: t.organisation, value: organisation.name },
    { key: 'uscc', label: t.uscc, value: organisation.uscc || '—' },
    { key: 'orgCode', label: t.orgCode, value: organisation.orgCode || '—' },
    { key: 'handler', label: t.handler, value: profile.handlerName || '—' },
    { key: 'handlerPhone', label: t.handlerPhone, value: profile.handlerPhoneMasked || '—' },
  ]
  return (
    <section className="panel stack">
      {organisation.codeWarning && <Alert type="warning" showIcon title={t.warning[warningOf(organisation.codeWarning)]} />}
      <Facts facts={facts} />
    </section>
  )
}

function warningOf(warning: string) {
  return warning === 'check_digit' || warning === 'length' || warning === 'charset' ? warning : 'other'
}

function Possession({ profile }: { profile: Profile }) {
  const { profile: t } = useText()
  const [open, setOpen] = useState(false)
  if (profile.state === 'verified') return null
  return (
    <section className="panel stack">
      <h2 className="title" style={{ margin: 0 }}>{t.prove}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t.proveWhy}</p>
      {open ? <Prove /> : <div><Button type="primary" onClick={() => setOpen(true)} data-testid="profile-prove">{t.prove}</Button></div>}
    </section>
  )
}

function Prove() {
  const { profile: t } = useText()
  const client = useQueryClient()
  const [serial, setSerial] = useState('')
  const run = useJobRun('prove', (target: Schema<'JobTarget'>) => body(api.POST('/profile/possession', { body: target })))
  const ukey = useUKey({ running: run.running })
  const { done } = run
  useEffect(() => {
    if (!done) return
    void client.invalidateQueries({ queryKey: profileQuery.queryKey })
    void client.invalidateQueries({ queryKey: sessionQuery.queryKey })
  }, [done, client])
  if (done) return <Alert type="success" showIcon title={t.proved} data-testid="profile-proved" />
  return (
    <KeyAction
      ukey={ukey}
      run={run}
      serial={serial}
      pick={setSerial}
      label={t.prove}
      act={() => run.run({ tokenSerial: serial, ...(ukey.agent ? { agentId: ukey.agent.id } : {}) })}
      testId="profile-prove-start"
    />
  )
}
