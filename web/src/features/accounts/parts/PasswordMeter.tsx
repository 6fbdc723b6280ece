import { scorePassword } from '@/lib/password'
import { useEntryText } from '../entryText'

/** What the rule asks and what is there already, in words, signs and colour. */
export function PasswordMeter({ password }: { password: string }) {
  const { supplement: t } = useEntryText()
  const score = scorePassword(password)
  const items: [string, boolean][] = [
    [t.length, score.length],
    [t.upper, score.classes.upper],
    [t.lower, score.classes.lower],
    [t.digit, score.classes.digit],
    [t.special, score.classes.special],
  ]
  return (
    <ul className="row" style={{ listStyle: 'none', margin: '4px 0 0', padding: 0, fontSize: 13 }} data-testid="supplement-meter">
      {items.map(([label, met]) => (
        <li key={label} style={{ color: met ? '#22763a' : '#4b5563' }}>
          <span aria-hidden="true">{met ? '✓' : '○'} </span>
          {label}
          <span className="visually-hidden"> {met ? t.met : t.unmet}</span>
        </li>
      ))}
    </ul>
  )
}
