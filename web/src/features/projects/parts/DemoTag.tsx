import { useCommon } from '@/i18n/common'
import { StateTag } from '@/ui/StateTag'

export function DemoTag() {
  const t = useCommon()
  return <StateTag tone="mark" text={t.demo} title={t.demoTitle} />
}
