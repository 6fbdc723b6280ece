import { yuan } from '@/lib/money'
import type { Change } from '../documents'
import { useText } from '../text'

/** What differs, a line a place, with its words before and after. */
export function Changes({ label, changes }: { label: string; changes: Change[] }) {
  const t = useText()
  const name = usePlaceName()
  return (
    <section aria-label={label} data-testid="content-changes">
      <h3 style={{ margin: '0 0 8px' }}>{label}</h3>
      {changes.length === 0 && <p className="quiet">{t.noChanges}</p>}
      <ul className="cards">
        {changes.map((one) => (
          <li key={one.path} data-testid={`content-change-${one.path}`}>
            <strong>{name(one.path)}</strong>
            <dl>
              <dt>{t.was}</dt>
              <dd style={{ whiteSpace: 'pre-wrap' }}><del style={{ textDecoration: 'none' }}><Value path={one.path} text={one.was} /></del></dd>
              <dt>{t.became}</dt>
              <dd style={{ whiteSpace: 'pre-wrap' }}><ins style={{ textDecoration: 'none', fontWeight: 600 }}><Value path={one.path} text={one.became} /></ins></dd>
            </dl>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Value({ path, text }: { path: string; text: string | undefined }) {
  const t = useText()
  if (text === undefined) return t.none
  if (path.endsWith('priceCents')) return yuan(Number(text))
  if (text === 'true') return t.yes
  if (text === 'false') return t.no
  const words: Record<string, string> = path.endsWith('.steps') ? t.stepNames : path.endsWith('.kind') ? t.kindNames : path.endsWith('.type') ? { ...t.materialNames, ...t.fieldTypes } : path.endsWith('.when') ? t.whenNames : {}
  return words[text] ?? text
}

/** contact.phone → 联系方式 › 客服电话 */
export function usePlaceName() {
  const t = useText()
  const p = t.project
  const names: Record<string, string> = {
    ...t.kindNames, ...t.materialNames, name: p.name, product: p.product, termMonths: p.termMonths, priceCents: p.price, ca: p.ca, notice: p.notice, contact: p.contact, phone: p.phone, hours: p.hours,
    emergency: p.emergency, site: p.site, process: p.process, help: p.help, downloads: p.downloads, title: t.agreement.title, url: p.url, prices: p.prices, policies: p.policies, steps: p.steps,
    workingDays: p.workingDays, payFirst: p.payFirst, materials: p.materials, required: p.required, when: p.when, most: p.most, source: t.holidays.source, days: t.kinds.holidays, date: t.holidays.date,
    fields: p.fields, key: p.fieldKey, helpZh: p.fieldHelpZh, helpEn: p.fieldHelpEn, choices: p.fieldChoices,
    windows: p.windows, renewDays: p.renewDays, lateDays: p.lateDays, closed: p.closed, kinds: p.closedKinds, from: p.firstDay, to: p.lastDay, reason: p.closedReason,
    working: t.holidays.working, zh: t.notice.zh, en: t.notice.en, version: t.columns.version, text: t.agreement.text, kind: p.priceKind, type: p.materials,
  }
  return (path: string) =>
    path
      .split('.')
      .map((part) => {
        const [, word = part, term] = /^([a-z_]+)-(\d+)$/.exec(part) ?? []
        return (names[word] ?? word) + (term ? ` ${p.months(Number(term))}` : '')
      })
      .join(' › ')
}
