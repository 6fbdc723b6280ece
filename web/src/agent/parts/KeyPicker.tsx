import { Alert, Button, Select } from 'antd'
import { useCommon } from '@/i18n/common'
import { day } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { Loading } from '@/ui/Ready'
import { StateTag } from '@/ui/StateTag'
import type { TokenKey } from '../job'
import { useText } from '../text'
import type { UKey } from '../useUKey'
import { NearbyOffer } from './NearbyOffer'

interface Props {
  ukey: UKey
  value: string
  pick: (serial: string) => void
  /** A word of the page's own about a key, such as which one is meant. */
  remark?: (key: TokenKey) => string
}

/** Every key the assistant sees, to be chosen by hand: label, number, holder, PIN state. */
export function KeyPicker({ ukey, value, pick, remark }: Props) {
  const t = useText()
  const keys = ukey.keys.data
  return (
    <section className="stack" style={{ gap: 10 }} aria-label={t.keys} data-testid="key-picker" data-state={ukey.state}>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <strong>{t.keys}</strong>
        <Button size="small" onClick={ukey.refresh} loading={ukey.keys.isFetching} data-testid="key-refresh">{t.refresh}</Button>
      </div>
      {ukey.online.length > 1 && (
        <label className="row">
          {t.which}
          <Select
            value={ukey.agent?.id ?? null}
            aria-label={t.which}
            options={ukey.online.map((agent) => ({ value: agent.id, label: agent.name }))}
            onChange={(id) => id && ukey.choose(id)}
          />
        </label>
      )}
      <NearbyOffer />
      <Problem error={ukey.keys.error} retry={ukey.refresh} testId="key-problem" />
      {!keys && ukey.keys.isFetching && <Loading />}
      {keys?.length === 0 && <Alert type="info" showIcon title={t.plug} data-testid="key-none" />}
      <div role="radiogroup" aria-label={t.keys} className="stack" style={{ gap: 10 }}>
        {keys?.map((key) => (
          <KeyCard key={key.serial} token={key} chosen={key.serial === value} pick={() => pick(key.serial)} remark={remark?.(key) ?? ''} />
        ))}
      </div>
    </section>
  )
}

interface CardProps {
  token: TokenKey
  chosen: boolean
  pick: () => void
  remark: string
}

function KeyCard({ token, chosen, pick, remark }: CardProps) {
  const { key: t } = useText()
  const { punctuation } = useCommon()
  const unusable = token.pinLocked || token.initialised === false
  return (
    <label
      data-testid={`key-card-${token.serial}`}
      className="panel"
      style={{
        display: 'grid', gridTemplateColumns: '24px minmax(0, 1fr)', gap: 10, padding: 14,
        cursor: unusable ? 'not-allowed' : 'pointer',
        borderColor: chosen ? '#1d4f91' : '#dfe4ec', boxShadow: chosen ? '0 0 0 1px #1d4f91' : 'none',
      }}
    >
      <input type="radio" name="ukey" checked={chosen} disabled={unusable} onChange={pick} style={{ width: 18, height: 18, marginTop: 4 }} />
      <div className="stack" style={{ gap: 4 }}>
        <div className="row">
          <strong>{token.label || token.serial}</strong>
          {token.simulated && <StateTag tone="mark" text={t.simulated} />}
          {remark && <StateTag tone="busy" text={remark} />}
        </div>
        <div><span className="quiet">{t.serial}</span> <span className="mono">{token.serial}</span></div>
        <div><span className="quiet">{t.holder}</span> {punctuation.list(...holders(token)) || <Owner token={token} />}</div>
        <div className="row"><span className="quiet">{t.pin}</span> <PinState token={token} /></div>
        <Certificates token={token} />
      </div>
    </label>
  )
}

const holders = (token: TokenKey) => [...new Set(token.objects.map((o) => o.certificateName ?? '').filter(Boolean))]

function Owner({ token }: { token: TokenKey }) {
  const { key: t } = useText()
  if (token.initialised === false) return t.uninitialised
  if (token.blank) return t.blank
  return token.mine ? t.mine : t.foreign
}

function PinState({ token }: { token: TokenKey }) {
  const { key: t } = useText()
  const left = token.pinTriesLeft ?? -1
  if (token.pinLocked) return <StateTag tone="bad" text={t.pinLocked} />
  if (left < 0) return <StateTag tone="good" text={t.pinUnknown} />
  return left <= 2 ? <StateTag tone="soon" text={t.pinLast(left)} /> : <StateTag tone="good" text={t.pinLeft(left)} />
}

function Certificates({ token }: { token: TokenKey }) {
  const { key: t } = useText()
  return token.objects.map((object) => (
    <div key={object.spkiHash} className="quiet wrap" style={{ fontSize: 13 }}>
      {object.serialHex ? (
        <>{object.usage === 'sign' ? t.sign : t.encrypt} <span className="mono">{object.serialHex}</span> {t.until} {day(object.notAfter)}</>
      ) : (
        <>{object.keyAlg} {t.bare}</>
      )}
    </div>
  ))
}
