import { useQueryClient } from '@tanstack/react-query'
import type { Schema } from '@/api/client'
import { fileAddress } from '@/lib/file'
import { moment } from '@/lib/time'
import { Upload } from '@/ui/Upload'
import { uploadSlip } from '../queries'
import { useText } from '../text'

/** The proof of a transfer, for finance. */
export function SlipPart({ order }: { order: Schema<'Order'> }) {
  const { slip: t } = useText()
  const client = useQueryClient()
  const send = uploadSlip(order.id)
  return (
    <section className="panel stack" data-testid="order-slip">
      <h2 className="title" style={{ margin: 0 }}>{t.heading}</h2>
      <p style={{ margin: 0 }}>{t.how}</p>
      {order.slip && (
        <p style={{ margin: 0 }} data-testid="order-slip-have">
          {t.have} <a className="wrap" style={{ textDecoration: 'underline' }} href={fileAddress(`/orders/${order.id}/slip`)} download>{order.slip.name}</a> <span className="quiet">{moment(order.slip.at)}</span>
        </p>
      )}
      <Upload
        label={t.upload}
        text={order.slip ? t.again : t.upload}
        imageBytes={512 * 1024}
        pdfBytes={5 * 1024 * 1024}
        testId="order-slip-file"
        send={async (...args) => {
          await send(...args)
          await client.invalidateQueries({ queryKey: ['orders'] })
        }}
      />
    </section>
  )
}
