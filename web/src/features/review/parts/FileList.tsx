import { Button, Input, Select } from 'antd'
import type { Schema } from '@/api/client'
import { StateTag, type Tone } from '@/ui/StateTag'
import { current, type Marks } from '../marks'
import { reviewReasons } from '../reasons'
import type { Mark, Material } from '../queries'
import { useText } from '../text'

interface Props {
  items: readonly Schema<'MaterialItem'>[]
  marks: Marks
  /** null = no mark. */
  mark: (id: string, mark: Mark | null) => void
  shown: string
  show: (id: string) => void
  enabled: boolean
}

/** What was handed in, file by file, and the mark of each. */
export function FileList({ items, marks, mark, shown, show, enabled }: Props) {
  const t = useText()
  return (
    <ul className="marked-list" data-testid="review-files">
      {items.map((item) => {
        const files = current(item.files)
        return (
          <li key={item.type}>
            <strong>{t.materials[item.type]}</strong>{' '}
            {files.length === 0 && <StateTag tone={item.wanted ? 'bad' : 'quiet'} text={item.wanted ? t.missing : t.notNeeded} />}
            {files.map((file) => (
              <File key={file.id} file={file} mark={marks[file.id]} set={(next) => mark(file.id, next)} shown={file.id === shown} show={() => show(file.id)} enabled={enabled} />
            ))}
          </li>
        )
      })}
    </ul>
  )
}

interface FileProps {
  file: Material
  mark: Mark | undefined
  set: (mark: Mark | null) => void
  shown: boolean
  show: () => void
  enabled: boolean
}

const tones: Record<'new' | 'accepted' | 'rejected', Tone> = { new: 'quiet', accepted: 'good', rejected: 'bad' }

function File({ file, mark, set, shown, show, enabled }: FileProps) {
  const t = useText()
  const state = file.state === 'accepted' || file.state === 'rejected' ? file.state : 'new'
  return (
    <div className={shown ? 'marked marked-shown' : 'marked'} data-testid={`review-file-${file.type}`} data-mark={mark ? (mark.ok ? 'ok' : 'bad') : ''}>
      <div className="row" style={{ gap: 6 }}>
        <Button type="link" size="small" onClick={show} aria-current={shown} style={{ paddingInline: 0 }}><span className="wrap">{file.name}</span></Button>
        {!mark && <StateTag tone={tones[state]} text={file.redone ? t.redone : t.fileStates[state]} />}
        {enabled && (
          <>
            <Button size="small" type={mark?.ok ? 'primary' : 'default'} aria-pressed={mark?.ok ?? false} onClick={() => set(mark?.ok ? null : { materialId: file.id, ok: true })} aria-label={t.markOf(t.good, file.name)}>✓ {t.good}</Button>
            <Button size="small" danger type={mark && !mark.ok ? 'primary' : 'default'} aria-pressed={mark ? !mark.ok : false} onClick={() => set(mark && !mark.ok ? null : { materialId: file.id, ok: false, reason: 'material_unclear' })} aria-label={t.markOf(t.bad, file.name)} data-testid={`review-bad-${file.type}`}>✕ {t.bad}</Button>
          </>
        )}
      </div>
      {mark && !mark.ok && (
        <div className="row" style={{ gap: 6, marginTop: 6 }}>
          <Select
            size="small"
            value={mark.reason ?? 'other'}
            aria-label={t.reasonOf(file.name)}
            style={{ minWidth: 150 }}
            options={reviewReasons.map((value) => ({ value, label: t.reasons[value] }))}
            onChange={(reason) => set({ ...mark, reason })}
            data-testid={`review-reason-${file.type}`}
          />
          <Input
            size="small"
            value={mark.note ?? ''}
            maxLength={200}
            placeholder={t.fileNote}
            aria-label={t.noteOf(file.name)}
            style={{ flex: '1 1 160px' }}
            onChange={(event) => set({ ...mark, note: event.target.value })}
            data-testid={`review-note-${file.type}`}
          />
        </div>
      )}
    </div>
  )
}
