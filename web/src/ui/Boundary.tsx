import { Button, Result } from 'antd'
import { Component, type ReactNode } from 'react'
import { useCommon } from '@/i18n/common'

/** Catches a fault of the page itself, such as a chunk that a new version has replaced. */
export class Boundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError() {
    return { broken: true }
  }

  override render() {
    return this.state.broken ? <Broken /> : this.props.children
  }
}

export function Broken() {
  const t = useCommon()
  return (
    <Result
      status="warning"
      title={t.broken}
      subTitle={t.brokenHint}
      extra={<Button type="primary" onClick={() => location.reload()}>{t.reload}</Button>}
    />
  )
}
