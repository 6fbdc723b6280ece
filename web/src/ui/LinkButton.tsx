import { Button, type ButtonProps } from 'antd'
import { useHref, useNavigate } from 'react-router'

interface Props extends Omit<ButtonProps, 'href' | 'onClick'> {
  to: string
  state?: unknown
}

/** A link that looks like a button: a real anchor, so it opens in a new tab too. */
export function LinkButton({ to, state, ...rest }: Props) {
  const href = useHref(to)
  const navigate = useNavigate()
  return (
    <Button
      {...rest}
      href={href}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return
        event.preventDefault()
        void navigate(to, { state })
      }}
    />
  )
}
