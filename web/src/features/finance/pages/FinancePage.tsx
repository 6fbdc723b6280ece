import { Tabs } from 'antd'
import { useSearchParams } from 'react-router'
import { Title } from '@/ui/Title'
import { InvoicesTab } from '../parts/InvoicesTab'
import { OrdersTab } from '../parts/OrdersTab'
import { RefundsTab } from '../parts/RefundsTab'
import { StatementsTab } from '../parts/StatementsTab'
import { useText } from '../text'

const tabs = { orders: OrdersTab, statements: StatementsTab, refunds: RefundsTab, invoices: InvoicesTab }

/** Finance: orders, bank statements, refunds and invoices. The address says which. */
export function FinancePage() {
  const t = useText()
  const [params, setParams] = useSearchParams()
  const named = params.get('tab') ?? ''
  const now = named in tabs ? named : 'orders'
  return (
    <>
      <Title text={t.page} />
      <Tabs
        activeKey={now}
        onChange={(tab) => setParams({ tab })}
        destroyOnHidden
        items={(Object.keys(tabs) as (keyof typeof tabs)[]).map((key) => {
          const Tab = tabs[key]
          return { key, label: <span data-testid={`finance-tab-${key}`}>{t.tabs[key]}</span>, children: <Tab /> }
        })}
      />
    </>
  )
}
