import { Button, Form, Input } from 'antd'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Problem } from '@/ui/Problem'
import { audioCaptchaQuery, captchaQuery } from '../queries'
import { useEntryText } from '../entryText'

interface Props {
  turn: number
  another: () => void
  /** Told the id whenever a new image is here. */
  onId: (id: string) => void
}

/** The image code: click for another, enlarge for those who see little. */
export function CaptchaField({ turn, another, onId }: Props) {
  const { login: t } = useEntryText()
  const captcha = useQuery(captchaQuery(turn))
  const [large, setLarge] = useState(false)
  const [spoken, setSpoken] = useState(false)
  const audio = useQuery({ ...audioCaptchaQuery(turn), enabled: spoken })
  const id = spoken ? audio.data?.id : captcha.data?.id
  useEffect(() => {
    if (id) onId(id)
  }, [id, onId])

  return (
    <>
      <Form.Item name="captcha" label={t.captcha} rules={[{ required: true }]} style={{ marginBottom: 8 }}>
        <Input inputMode="numeric" maxLength={10} autoComplete="off" data-testid="login-captcha" />
      </Form.Item>
      <div className="row" style={{ marginBottom: 20 }}>
        {spoken && audio.data && <audio controls autoPlay src={audio.data.audio} aria-label={t.captchaHear} data-testid="login-captcha-sound" data-captcha={audio.data.id} style={{ maxWidth: '100%', height: 44 }} />}
        {!spoken && captcha.data && (
          <button
            type="button"
            onClick={another}
            aria-label={t.captchaAlt}
            title={t.captchaRefresh}
            style={{ border: '1px solid #cbd5e1', background: '#fff', borderRadius: 6, padding: 2, cursor: 'pointer', lineHeight: 0, maxWidth: '100%' }}
          >
            <img
              src={captcha.data.image}
              alt=""
              data-testid="login-captcha-image"
              data-captcha={captcha.data.id}
              style={{ height: large ? 120 : 44, width: 'auto', maxWidth: '100%' }}
            />
          </button>
        )}
        <Button size="small" onClick={another} data-testid="login-captcha-refresh">{t.captchaRefresh}</Button>
        <Button size="small" aria-pressed={spoken} onClick={() => setSpoken(!spoken)} data-testid="login-captcha-audio">{spoken ? t.captchaSee : t.captchaHear}</Button>
        <Button size="small" aria-pressed={large} onClick={() => setLarge(!large)}>{large ? t.captchaSmaller : t.captchaLarger}</Button>
      </div>
      <Problem error={spoken ? audio.error : captcha.error} retry={() => void (spoken ? audio.refetch() : captcha.refetch())} testId="login-captcha-problem" />
    </>
  )
}
