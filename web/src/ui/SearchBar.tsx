import { Button, Input } from 'antd'
import { useState, type ReactNode } from 'react'
import { useCommon } from '@/i18n/common'

interface Props {
  label: string
  value: string
  search: (find: string) => void
  extra?: ReactNode
  testId: string
}

/** 查找条件 with one field and 查找. Source: S002-30. */
export function SearchBar({ label, value, search, extra, testId }: Props) {
  const t = useCommon()
  const [text, setText] = useState(value)
  return (
    <form
      className="panel"
      role="search"
      aria-label={t.condition}
      style={{ padding: '12px 20px', marginBottom: 16 }}
      onSubmit={(event) => {
        event.preventDefault()
        search(text.trim())
      }}
    >
      <div className="row">
        <strong>{t.condition}</strong>
        <label htmlFor={`${testId}-text`}>{label}</label>
        <Input
          id={`${testId}-text`}
          data-testid={`${testId}-text`}
          value={text}
          maxLength={100}
          allowClear
          style={{ width: 260, maxWidth: '100%' }}
          onChange={(event) => setText(event.target.value)}
        />
        {extra}
        <Button htmlType="submit" type="primary" data-testid={`${testId}-submit`}>{t.search}</Button>
      </div>
    </form>
  )
}
