import { Checkbox, Input, InputNumber, Select } from 'antd'
import type { Asked, Closure, Download, Material, Policy, Price, Project } from '../documents'
import { useText } from '../text'
import { Columns, Field, Rows, Small } from './Field'

interface Props {
  project: Project
  change: (next: Project) => void
}

const lines = (text: string) => text.split('\n')
const options = (words: Record<string, string>) => Object.entries(words).map(([value, label]) => ({ value, label }))
const free = ['suspend', 'resume']
const cents = (yuan: number | null) => Math.round((yuan ?? 0) * 100)

/** All of a project that staff write. */
export function ProjectForm({ project, change }: Props) {
  const { project: t } = useText()
  const set = (next: Partial<Project>) => change({ ...project, ...next })
  const { contact } = project
  const call = (next: Partial<Project['contact']>) => set({ contact: { ...contact, ...next } })
  return (
    <>
      <Group title={t.basics}>
        <Columns>
          <Field label={t.name}><Input value={project.name} maxLength={200} onChange={(event) => set({ name: event.target.value })} data-testid="content-name" /></Field>
          <Field label={t.product}><Input value={project.product} maxLength={200} onChange={(event) => set({ product: event.target.value })} /></Field>
          <Field label={t.termMonths}><InputNumber value={project.termMonths} min={1} max={60} precision={0} style={{ width: '100%' }} onChange={(value) => set({ termMonths: value ?? 12 })} /></Field>
          <Field label={t.price}><InputNumber value={project.priceCents / 100} min={0} max={1_000_000} precision={2} style={{ width: '100%' }} onChange={(value) => set({ priceCents: cents(value) })} data-testid="content-price" /></Field>
          <Field label={t.ca}><Input value={project.ca ?? ''} maxLength={40} onChange={(event) => set({ ca: event.target.value })} /></Field>
        </Columns>
        <Field label={t.notice}><Input.TextArea value={project.notice} maxLength={500} autoSize={{ minRows: 2 }} onChange={(event) => set({ notice: event.target.value })} data-testid="content-notice" /></Field>
      </Group>
      <Group title={t.contact}>
        <Columns>
          <Field label={t.phone}><Input value={contact.phone} maxLength={40} onChange={(event) => call({ phone: event.target.value })} /></Field>
          <Field label={t.hours} hint={t.hoursHint}><Input value={contact.hours ?? ''} maxLength={100} onChange={(event) => call({ hours: event.target.value })} /></Field>
          <Field label={t.emergency}><Input value={contact.emergency ?? ''} maxLength={40} onChange={(event) => call({ emergency: event.target.value })} /></Field>
          <Field label={t.site}><Input value={contact.site ?? ''} maxLength={200} onChange={(event) => call({ site: event.target.value })} /></Field>
        </Columns>
      </Group>
      <Group title={t.guide}>
        <Field label={t.process} hint={t.oneALine}><Input.TextArea value={project.process.join('\n')} autoSize={{ minRows: 3 }} onChange={(event) => set({ process: lines(event.target.value) })} /></Field>
        <Field label={t.help} hint={t.oneALine}><Input.TextArea value={project.help.join('\n')} autoSize={{ minRows: 3 }} onChange={(event) => set({ help: lines(event.target.value) })} /></Field>
        <Rows<Download> label={t.downloads} rows={project.downloads} change={(downloads) => set({ downloads })} fresh={() => ({ title: '', url: '' })} testId="content-downloads">
          {(one, put, n) => (
            <>
              <Input aria-label={`${t.downloadTitle} ${String(n + 1)}`} placeholder={t.downloadTitle} value={one.title} maxLength={200} style={{ width: 200 }} onChange={(event) => put({ title: event.target.value })} />
              <Input aria-label={`${t.url} ${String(n + 1)}`} placeholder="https://" value={one.url} maxLength={500} style={{ width: 260, maxWidth: '100%' }} onChange={(event) => put({ url: event.target.value })} />
            </>
          )}
        </Rows>
      </Group>
      <Group title={t.windows}><Windows windows={project.windows} change={(windows) => set({ windows })} /></Group>
      <Group title={t.prices}><Prices prices={project.prices} change={(prices) => set({ prices })} /></Group>
      <Group title={t.policies} closed><Policies policies={project.policies} change={(policies) => set({ policies })} /></Group>
      <Group title={t.fields} closed><FormFields fields={project.fields} change={(fields) => set({ fields })} /></Group>
      <Group title={t.materials} closed><Materials materials={project.materials} change={(materials) => set({ materials })} /></Group>
    </>
  )
}

/** What is long and seldom changed starts closed. */
function Group({ title, closed = false, children }: { title: string; closed?: boolean; children: React.ReactNode }) {
  return (
    <details className="fold" open={!closed}>
      <summary>{title}</summary>
      <div className="stack">{children}</div>
    </details>
  )
}

const closable = ['new', 'renew', 'change_name', 'change_legal', 'change_handler', 'replace']

function Windows({ windows, change }: { windows: Project['windows']; change: (next: Project['windows']) => void }) {
  const { project: t, kindNames } = useText()
  const set = (next: Partial<Project['windows']>) => change({ ...windows, ...next })
  return (
    <>
      <Columns>
        <Field label={t.renewDays}><InputNumber value={windows.renewDays} min={1} max={365} precision={0} style={{ width: '100%' }} onChange={(value) => set({ renewDays: value ?? 90 })} data-testid="content-renew-days" /></Field>
        <Field label={t.lateDays}><InputNumber value={windows.lateDays} min={0} max={1825} precision={0} style={{ width: '100%' }} onChange={(value) => set({ lateDays: value ?? 0 })} /></Field>
      </Columns>
      <Rows<Closure> label={t.closed} rows={windows.closed} change={(closed) => set({ closed })} fresh={() => ({ kinds: ['renew'], from: '', to: '', reason: '' })} testId="content-closed">
        {(one, put, n) => (
          <>
            <Select mode="multiple" aria-label={`${t.closedKinds} ${String(n + 1)}`} value={one.kinds} style={{ minWidth: 220, maxWidth: '100%' }} options={options(kindNames).filter(({ value }) => closable.includes(value))} onChange={(kinds: string[]) => put({ kinds })} />
            <Input type="date" aria-label={`${t.firstDay} ${String(n + 1)}`} value={one.from} style={{ width: 150 }} onChange={(event) => put({ from: event.target.value })} />
            <Input type="date" aria-label={`${t.lastDay} ${String(n + 1)}`} value={one.to} style={{ width: 150 }} onChange={(event) => put({ to: event.target.value })} />
            <Input aria-label={`${t.closedReason} ${String(n + 1)}`} placeholder={t.closedReason} value={one.reason} maxLength={100} style={{ width: 200 }} onChange={(event) => put({ reason: event.target.value })} />
          </>
        )}
      </Rows>
    </>
  )
}

function Prices({ prices, change }: { prices: Price[]; change: (next: Price[]) => void }) {
  const { project: t, kindNames } = useText()
  return (
    <Rows<Price> label={t.prices} rows={prices} change={change} fresh={() => ({ kind: 'renewal', termMonths: 12, priceCents: 0 })} testId="content-prices" bare>
      {(one, put, n) => (
        <>
          <Select aria-label={`${t.priceKind} ${String(n + 1)}`} value={one.kind} style={{ minWidth: 180 }} options={options(kindNames).filter(({ value }) => !free.includes(value))} onChange={(kind: string) => put({ kind })} />
          <Small label={t.term}><InputNumber aria-label={`${t.term} ${String(n + 1)}`} value={one.termMonths} min={0} max={60} precision={0} style={{ width: 80 }} onChange={(value) => put({ termMonths: value ?? 0 })} /></Small>
          <Small label={t.price}><InputNumber aria-label={`${t.price} ${String(n + 1)}`} value={one.priceCents / 100} min={0} max={1_000_000} precision={2} style={{ width: 110 }} onChange={(value) => put({ priceCents: cents(value) })} /></Small>
        </>
      )}
    </Rows>
  )
}

function Policies({ policies, change }: { policies: Policy[]; change: (next: Policy[]) => void }) {
  const { project: t, kindNames, stepNames } = useText()
  const kinds: Record<string, string> = kindNames
  return policies.map((one, n) => {
    const put = (next: Partial<Policy>) => change(policies.map((other, at) => (at === n ? { ...other, ...next } : other)))
    const name = kinds[one.kind] ?? one.kind
    return (
      <div key={one.kind} className="row">
        <span style={{ width: 150 }}>{name}</span>
        <Select aria-label={`${name} ${t.steps}`} value={one.steps} style={{ minWidth: 130 }} options={options(stepNames).map(({ value, label }) => ({ value: Number(value), label }))} onChange={(steps: number) => put({ steps })} />
        <Small label={t.workingDays}><InputNumber aria-label={`${name} ${t.workingDays}`} value={one.workingDays} min={0} max={20} precision={0} style={{ width: 80 }} onChange={(value) => put({ workingDays: value ?? 0 })} /></Small>
        <Checkbox checked={one.payFirst} onChange={(event) => put({ payFirst: event.target.checked })}>{t.payFirst}</Checkbox>
      </div>
    )
  })
}

function Materials({ materials, change }: { materials: Project['materials']; change: (next: Project['materials']) => void }) {
  const { project: t, kindNames, materialNames, whenNames } = useText()
  const kinds: Record<string, string> = kindNames
  return Object.entries(materials).map(([kind, list]) => (
    <Rows<Material> key={kind} label={kinds[kind] ?? kind} rows={list} change={(next) => change({ ...materials, [kind]: next })} fresh={() => ({ type: 'licence', required: true })} testId={`content-materials-${kind}`}>
      {(one, put, n) => (
        <>
          <Select aria-label={`${t.materials} ${kind} ${String(n + 1)}`} value={one.type} style={{ minWidth: 170 }} options={options(materialNames)} onChange={(type: string) => put({ type })} />
          <Checkbox checked={one.required} onChange={(event) => put({ required: event.target.checked })}>{t.required}</Checkbox>
          <Select aria-label={`${t.when} ${kind} ${String(n + 1)}`} value={one.when || 'always'} style={{ minWidth: 170 }} options={options(whenNames)} onChange={(when: string) => put({ when: when === 'always' ? '' : when })} />
          <Small label={t.most}><InputNumber aria-label={`${t.most} ${kind} ${String(n + 1)}`} value={one.most || 3} min={1} max={10} precision={0} style={{ width: 70 }} onChange={(value) => put({ most: value ?? 3 })} /></Small>
        </>
      )}
    </Rows>
  ))
}

/** 中文|English, a line a choice. */
const choicesOf = (text: string) => text.split('\n').map((line) => ({ zh: line.split('|')[0] ?? '', en: line.split('|').slice(1).join('|') }))
const choiceLines = (choices: Asked['choices']) => (choices ?? []).map(({ zh, en }) => (en ? `${zh}|${en}` : zh)).join('\n')

function FormFields({ fields, change }: { fields: Project['fields']; change: (next: Project['fields']) => void }) {
  const { project: t, kindNames, fieldTypes } = useText()
  const kinds: Record<string, string> = kindNames
  return (
    <>
      <p className="quiet" style={{ margin: 0 }}>{t.fieldsHint}</p>
      {Object.entries(fields).map(([kind, list]) => (
        <Rows<Asked> key={kind} label={kinds[kind] ?? kind} rows={list} change={(next) => change({ ...fields, [kind]: next })} fresh={() => ({ key: '', zh: '', en: '', type: 'text', required: false, helpZh: '', helpEn: '' })} testId={`content-fields-${kind}`}>
          {(one, put, n) => {
            const named = (label: string) => ({ 'aria-label': `${label} ${kind} ${String(n + 1)}`, placeholder: label })
            return (
              <>
                <Input {...named(t.fieldKey)} value={one.key} maxLength={30} style={{ width: 130 }} onChange={(event) => put({ key: event.target.value })} />
                <Input {...named(t.fieldZh)} value={one.zh} maxLength={40} style={{ width: 180 }} onChange={(event) => put({ zh: event.target.value })} />
                <Input {...named(t.fieldEn)} value={one.en} maxLength={80} style={{ width: 180 }} onChange={(event) => put({ en: event.target.value })} />
                <Select
                  aria-label={`${t.fieldType} ${kind} ${String(n + 1)}`}
                  value={one.type}
                  style={{ minWidth: 100 }}
                  options={options(fieldTypes)}
                  onChange={(type: string) => put({ type, ...(type === 'choice' ? {} : { choices: [] }), ...(type === 'text' ? {} : { most: 0 }) })}
                />
                <Checkbox checked={one.required} onChange={(event) => put({ required: event.target.checked })}>{t.fieldRequired}</Checkbox>
                {one.type === 'text' && <Small label={t.fieldMost}><InputNumber aria-label={`${t.fieldMost} ${kind} ${String(n + 1)}`} value={one.most || 200} min={1} max={500} precision={0} style={{ width: 80 }} onChange={(value) => put({ most: value ?? 200 })} /></Small>}
                <Input {...named(t.fieldHelpZh)} value={one.helpZh} maxLength={200} style={{ width: 240 }} onChange={(event) => put({ helpZh: event.target.value })} />
                <Input {...named(t.fieldHelpEn)} value={one.helpEn} maxLength={200} style={{ width: 240 }} onChange={(event) => put({ helpEn: event.target.value })} />
                {one.type === 'choice' && <Input.TextArea {...named(t.fieldChoices)} value={choiceLines(one.choices)} autoSize={{ minRows: 2 }} style={{ width: 240 }} onChange={(event) => put({ choices: choicesOf(event.target.value) })} />}
              </>
            )
          }}
        </Rows>
      ))}
    </>
  )
}
