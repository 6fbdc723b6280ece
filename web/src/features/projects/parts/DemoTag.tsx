import { Tag } from 'antd'
import { useCommon } from '@/i18n/common'

export function DemoTag() {
  const t = useCommon()
  return <Tag color="gold" title={t.demoTitle} style={{ marginInlineEnd: 0 }}>{t.demo}</Tag>
}
