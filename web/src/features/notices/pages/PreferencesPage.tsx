import { useMutation, useQuery } from '@tanstack/react-query'
import { Alert, Button, Checkbox, Radio } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { Title } from '@/ui/Title'
import { preferencesQuery, savePreferences, type Preferences } from '../queries'
import { useText } from '../text'
import './notices.css'

/** 通知设置: through which channel one hears of what, and the language of mail. */
export function PreferencesPage() {
  const t = useText()
  return (
    <>
      <Title text={t.settings} extra={<Link to="/account/notices">{t.back}</Link>} />
      <p>{t.preferences.lead}</p>
      <Ready query={useQuery(preferencesQuery)}>{(now) => <Choices now={now} />}</Ready>
    </>
  )
}

const channels = ['portal', 'sms', 'mail'] as const
type Channel = (typeof channels)[number]
type Choice = Preferences['choices'][number]

/** What security notices need: shown in the portal always, and one way out of it. */
function fixed(choice: Choice, channel: Channel) {
  if (choice.kind !== 'security') return false
  return channel === 'portal' || (choice[channel] && !(channel === 'sms' ? choice.mail : choice.sms))
}

function Choices({ now }: { now: Preferences }) {
  const { preferences: t, kinds } = useText()
  const [chosen, setChosen] = useState(now)
  const save = useMutation(savePreferences)
  const set = (kind: Choice['kind'], channel: Channel, on: boolean) => {
    save.reset()
    setChosen((old) => ({ ...old, choices: old.choices.map((c) => (c.kind === kind ? { ...c, [channel]: on } : c)) }))
  }
  return (
    <form className="stack" onSubmit={(e) => { e.preventDefault(); save.mutate(chosen) }} data-testid="preferences">
      <div className="notices-scroll" role="group" aria-label={t.kind} tabIndex={0}>
        <table className="notices-table">
          <thead>
            <tr><th scope="col">{t.kind}</th>{channels.map((c) => <th key={c} scope="col">{t[c]}</th>)}</tr>
          </thead>
          <tbody>
            {chosen.choices.map((choice) => (
              <tr key={choice.kind}>
                <th scope="row">{kinds[choice.kind]}</th>
                {channels.map((channel) => (
                  <td key={channel}>
                    <Checkbox
                      checked={choice[channel]}
                      disabled={fixed(choice, channel)}
                      onChange={(e) => set(choice.kind, channel, e.target.checked)}
                      aria-label={`${kinds[choice.kind]} ${t[channel]}`}
                      data-testid={`choice-${choice.kind}-${channel}`}
                    />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="quiet">{t.always} {t.mailHint}</p>
      <fieldset className="notices-language">
        <legend>{t.language}</legend>
        <Radio.Group
          value={chosen.language}
          onChange={(e) => { save.reset(); setChosen({ ...chosen, language: e.target.value === 'en-US' ? 'en-US' : 'zh-CN' }) }}
          options={[{ value: 'zh-CN', label: <span lang="zh-CN">中文</span> }, { value: 'en-US', label: <span lang="en-US">English</span> }]}
        />
        <p className="quiet">{t.languageHint}</p>
      </fieldset>
      <Problem error={save.error} testId="preferences-problem" />
      <div role="status">{save.isSuccess && <Alert type="success" showIcon title={t.saved} data-testid="preferences-saved" />}</div>
      <div><Button type="primary" htmlType="submit" loading={save.isPending} data-testid="preferences-save">{t.save}</Button></div>
    </form>
  )
}
