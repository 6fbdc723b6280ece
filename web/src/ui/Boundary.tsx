import { Button } from 'antd'
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
    <div className="page page-narrow stack" role="alert" style={{ textAlign: 'center', paddingTop: 72 }}>
      <h1 className="title" style={{ margin: 0 }}>{t.broken}</h1>
      <p style={{ margin: 0 }}>{t.brokenHint}</p>
      <p style={{ margin: 0 }}><Button type="primary" onClick={() => location.reload()}>{t.reload}</Button></p>
    </div>
  )
}
