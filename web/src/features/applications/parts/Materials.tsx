import { useMutation, useQuery } from '@tanstack/react-query'
import { Button, Modal } from 'antd'
import { useState } from 'react'
import { useMessages } from '@/i18n/language'
import { size } from '@/lib/bytes'
import { Problem } from '@/ui/Problem'
import { Ready } from '@/ui/Ready'
import { StateTag, type Tone } from '@/ui/StateTag'
import { Upload } from '@/ui/Upload'
import { addMaterial, letterURL, materialsQuery, materialURL, removeMaterial, type Material, type MaterialItem } from '../materials'
import { en } from '../materials.en-US'
import { zh } from '../materials.zh-CN'
import { useText } from '../text'
import { SampleScan } from './SampleScan'

const useMaterialText = () => useMessages(zh, en)

interface Limits {
  imageBytes: number
  pdfBytes: number
}

/**
 * What an application takes and what was handed in. It loads and saves by itself; what may be changed the server says, so that in a returned
 * application only the files that were sent back are open.
 */
export function Materials({ applicationId }: { applicationId: string }) {
  const t = useMaterialText()
  const query = useQuery(materialsQuery(applicationId))
  const [sample, setSample] = useState(false)
  return (
    <Ready query={query}>
      {(list) =>
        list.items.length === 0 ? (
          <p className="quiet">{t.none}</p>
        ) : (
          <>
            <p className="quiet">{t.limits(size(list.imageBytes), size(list.pdfBytes), list.pdfPages)}</p>
            <table className="materials" aria-label={t.table} data-testid="materials">
              <thead>
                <tr>
                  <th scope="col">{t.columns.number}</th>
                  <th scope="col">{t.columns.name}</th>
                  <th scope="col">{t.columns.help}</th>
                  <th scope="col">{t.columns.state}</th>
                </tr>
              </thead>
              <tbody>
                {list.items.map((item, n) => (
                  <Line key={item.type} applicationId={applicationId} item={item} number={n + 1} limits={list} showSample={() => setSample(true)} />
                ))}
              </tbody>
            </table>
            <Modal open={sample} onCancel={() => setSample(false)} footer={null} title={t.sampleTitle}>
              <SampleScan alt={t.sampleAlt} good={t.good} bad={t.bad} text={t.sampleText} />
              <ul>{t.sampleRules.map((rule) => <li key={rule}>{rule}</li>)}</ul>
            </Modal>
          </>
        )
      }
    </Ready>
  )
}

interface LineProps {
  applicationId: string
  item: MaterialItem
  number: number
  limits: Limits
  showSample: () => void
}

function Line({ applicationId, item, number, limits, showSample }: LineProps) {
  const t = useMaterialText()
  const add = useMutation(addMaterial(applicationId))
  const name = t.types[item.type]
  const returned = item.files.some(openFile)
  return (
    <tr data-testid={`material-${item.type}`}>
      <td><span className="quiet">{number}</span></td>
      <th scope="row">
        <div className="row">
          <span>{name}</span>
          {item.wanted ? <StateTag tone="mark" text={t.required} /> : <StateTag tone="quiet" text={item.required ? t.notNeeded : t.optional} />}
        </div>
        <div className="quiet" style={{ fontWeight: 400 }}>{t.hints[item.type]}</div>
      </th>
      <td>
        <div className="row">
          {item.letter && <a href={letterURL(item.type, applicationId)} download aria-label={t.printOf(name)} data-testid={`letter-${item.type}`}>{t.print}</a>}
          <Button type="link" size="small" style={{ padding: 0 }} onClick={showSample} aria-label={t.sampleOf(name)}>{t.sample}</Button>
        </div>
      </td>
      <td>
        <ul className="files">
          {item.files.map((file) => <File key={file.id} applicationId={applicationId} item={item} file={file} limits={limits} />)}
          {item.files.length === 0 && item.wanted && <li><StateTag tone="soon" text={t.states.missing} /></li>}
        </ul>
        {item.editable && !returned && item.files.length < item.most && (
          <div style={{ marginTop: item.files.length > 0 ? 8 : 6 }}>
            <Upload
              label={t.uploadOf(name)}
              text={item.files.length > 0 ? t.more : t.upload}
              {...limits}
              send={(file, fileName, progress, signal) => add.mutateAsync({ type: item.type, file, name: fileName, progress, signal })}
              testId={`upload-${item.type}`}
            />
          </div>
        )}
      </td>
    </tr>
  )
}

/** In a returned application this file may be replaced. */
const openFile = (file: Material) => file.state === 'rejected' || file.redone

const tones: Record<Material['state'], Tone> = { new: 'busy', accepted: 'good', rejected: 'bad', replaced: 'quiet', removed: 'quiet' }

function File({ applicationId, item, file, limits }: { applicationId: string; item: MaterialItem; file: Material; limits: Limits }) {
  const t = useMaterialText()
  const { reasons } = useText()
  const add = useMutation(addMaterial(applicationId))
  const remove = useMutation(removeMaterial(applicationId))
  const [shown, setShown] = useState(false)
  const url = materialURL(file, applicationId)
  const open = item.editable && openFile(file)
  return (
    <li className="file" data-testid="material-file" data-state={file.state}>
      <StateTag tone={tones[file.state]} text={file.redone && file.state === 'new' ? t.redone : t.states[file.state]} />
      <span className="wrap">{file.name} <span className="quiet">{size(file.size)}{file.pages ? ` · ${t.pages(file.pages)}` : ''}</span></span>
      {file.mediaType === 'application/pdf' ? (
        <a href={url} download aria-label={`${t.download}: ${file.name}`}>{t.download}</a>
      ) : (
        <Button type="link" size="small" style={{ padding: 0 }} onClick={() => setShown(true)} aria-label={t.lookOf(file.name)}>{t.look}</Button>
      )}
      {item.editable && !item.files.some(openFile) && (
        <Button type="link" size="small" danger style={{ padding: 0 }} loading={remove.isPending} onClick={() => remove.mutate(file.id)} aria-label={t.removeOf(file.name)}>{t.remove}</Button>
      )}
      <Problem error={remove.error} />
      {file.state === 'rejected' && <div className="sent-back">{t.sentBack(reasons[file.reason ?? 'other'], file.note ?? '')}</div>}
      {open && (
        <div style={{ flexBasis: '100%' }}>
          <Upload
            label={t.replaceOf(file.name)}
            text={t.replace}
            {...limits}
            send={(content, name, progress, signal) => add.mutateAsync({ type: item.type, replaces: file.id, file: content, name, progress, signal })}
            testId={`replace-${item.type}`}
          />
        </div>
      )}
      {shown && <Preview url={url} name={file.name} close={() => setShown(false)} />}
    </li>
  )
}

function Preview({ url, name, close }: { url: string; name: string; close: () => void }) {
  const t = useMaterialText()
  const [broken, setBroken] = useState(false)
  return (
    <Modal open onCancel={close} title={name} width={900} footer={<a href={url} download>{t.download}</a>}>
      {broken ? <p role="alert">{t.cannotShow}</p> : <img className="preview" src={url} alt={name} onError={() => setBroken(true)} />}
    </Modal>
  )
}
