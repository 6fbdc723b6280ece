import { useText } from '../text'
import { writeSteps } from '../wizard'

const signs = { behind: '✓', now: '●', ahead: '○' } as const
const colours = { behind: '#22763a', now: '#1d4f91', ahead: '#5f6b7a' } as const

/** 生成密钥 / 提交请求 / 签发 / 写入 / 验证 */
export function WriteProgress({ count, running }: { count: number; running: boolean }) {
  const { write: t } = useText()
  return (
    <ol className="stack" style={{ listStyle: 'none', margin: 0, padding: 0, gap: 8 }} data-testid="wizard-write-progress" data-done={count}>
      {writeSteps.map((step, index) => {
        const phase = index < count ? 'behind' : index === count && running ? 'now' : 'ahead'
        return (
          <li key={step} className="row" data-testid={`wizard-write-${step}`} data-phase={phase} style={{ color: colours[phase], fontWeight: phase === 'now' ? 600 : 400 }}>
            <span aria-hidden="true" style={{ width: 20, textAlign: 'center' }}>{signs[phase]}</span>
            {t.steps[step]}
            <span className="quiet" style={{ fontSize: 13 }}>{t[phase]}</span>
          </li>
        )
      })}
    </ol>
  )
}
