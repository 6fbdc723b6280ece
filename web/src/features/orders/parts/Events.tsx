import { Timeline } from 'antd'
import type { Schema } from '@/api/client'
import { moment } from '@/lib/time'
import { useText } from '../text'

/** What happened to an order, oldest first. */
export function Events({ events }: { events: Schema<'OrderEvent'>[] }) {
  const { timeline: t } = useText()
  return (
    <section className="panel" data-testid="order-timeline">
      <h2 className="title">{t.heading}</h2>
      <Timeline
        items={events.map((e, i) => ({
          key: i,
          content: (
            <span className="wrap">
              <strong>{t.acts[e.act] ?? e.act}</strong> <span className="quiet">{moment(e.at)} {e.by ?? ''} {e.note ?? ''}</span>
            </span>
          ),
        }))}
      />
    </section>
  )
}
