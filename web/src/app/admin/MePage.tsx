import { AgentList } from '@/agent/parts/AgentList'
import { PasswordChange } from '@/features/accounts/parts/PasswordChange'
import { SessionList } from '@/features/accounts/parts/SessionList'
import { Factors } from '@/features/factors/parts/Factors'
import { BindKey, StaffKeys } from '@/features/staff/parts/StaffKeys'
import { useText } from '@/features/staff/text'
import { Title } from '@/ui/Title'

/** 我的账号 of a member of staff: second factors, password, sessions, paired agents. */
export function MePage() {
  const { me: t } = useText()
  return (
    <div className="stack">
      <Title text={t.page} />
      <Factors />
      <StaffKeys own />
      <BindKey />
      <PasswordChange />
      <SessionList />
      <section className="panel">
        <h2 className="title">{t.agents}</h2>
        <AgentList />
      </section>
    </div>
  )
}
