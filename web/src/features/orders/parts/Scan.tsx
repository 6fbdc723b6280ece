import { useMutation } from '@tanstack/react-query'
import { Button } from 'antd'
import type { Schema } from '@/api/client'
import { moment } from '@/lib/time'
import { Problem } from '@/ui/Problem'
import { startCharge, type Platform } from '../queries'
import { useText } from '../text'

/** Payment platforms that are connected; that the money came is told by the order, which the page asks for again and again. */
export function Scan({ order }: { order: Schema<'Order'> }) {
  const { scan: t, methods } = useText()
  const start = useMutation(startCharge)
  const ways = (order.ways ?? []).filter((way): way is Platform => way === 'wechat' || way === 'alipay')
  if (ways.length === 0) return null
  return (
    <section className="panel stack" data-testid="order-scan">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <div className="row">
        {ways.map((gateway) => (
          <Button key={gateway} loading={start.isPending && start.variables.gateway === gateway} onClick={() => start.mutate({ id: order.id, gateway })} data-testid={`order-scan-${gateway}`}>
            {t.show(methods[gateway])}
          </Button>
        ))}
      </div>
      <Problem error={start.error} testId="order-scan-problem" />
      {start.data && (
        <figure style={{ margin: 0 }}>
          <img src={`data:image/png;base64,${start.data.image}`} width={232} height={232} alt={t.image(methods[start.data.gateway])} style={{ imageRendering: 'pixelated', background: '#fff', padding: 8 }} />
          <figcaption>{t.how(methods[start.data.gateway])} <span className="quiet">{t.until} {moment(start.data.expiresAt)}</span></figcaption>
        </figure>
      )}
    </section>
  )
}
