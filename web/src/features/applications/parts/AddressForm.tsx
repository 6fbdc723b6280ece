import { Form as Fields, Input } from 'antd'
import { Problem } from '@/ui/Problem'
import { useText } from '../text'
import type { AddressState } from '../useAddress'

const names = ['name', 'phone', 'region', 'street'] as const
const longest = { name: 60, phone: 40, region: 100, street: 200 } as const

/** 收件地址: where the new USB key is sent. */
export function AddressForm({ address, tried }: { address: AddressState; tried: boolean }) {
  const t = useText()
  return (
    <section aria-label={t.address.title} data-testid="course-address">
      <h2 className="title">{t.address.title}</h2>
      <Fields layout="vertical" component="div">
        {names.map((name) => {
          const lacks = tried && address.lacking.includes(name)
          return (
            <Fields.Item key={name} label={t.address[name]} htmlFor={`address-${name}`} required validateStatus={lacks ? 'error' : ''} help={lacks ? <span role="alert">{t.form.missing}</span> : undefined}>
              <Input
                id={`address-${name}`}
                data-testid={`address-${name}`}
                value={address.value[name]}
                maxLength={longest[name]}
                style={{ maxWidth: 420 }}
                {...(name === 'region' ? { placeholder: t.address.regionHint } : {})}
                onChange={(event) => address.set({ [name]: event.target.value })}
              />
            </Fields.Item>
          )
        })}
      </Fields>
      <Problem error={address.error} testId="course-address-problem" />
    </section>
  )
}
