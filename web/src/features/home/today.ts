import type { Schema } from '@/api/client'
import type { Session } from '@/api/session'

type Application = Schema<'Application'>
type Certificate = Schema<'Certificate'>
type Order = Schema<'Order'>

export type Kind = 'verify' | 'returned' | 'write' | 'receipt' | 'pay' | 'expired' | 'expiring' | 'draft'

/** One thing that waits for the person. */
export interface Thing {
  kind: Kind
  id: string
  to: string
  application?: Application
  certificate?: Certificate
  order?: Order
}

// What comes first: what loses something by waiting, then what can be done at once, then what has time.
const ranks: readonly Kind[] = ['returned', 'expired', 'write', 'receipt', 'pay', 'expiring', 'draft', 'verify']

const waiting: Partial<Record<Application['state'], Kind>> = {
  returned: 'returned', draft: 'draft', consented: 'write', ready: 'write', enrolling: 'write', issued: 'write', shipped: 'receipt', received: 'write',
}

export interface Known {
  session: Session
  applications: readonly Application[]
  certificates: readonly Certificate[]
  orders: readonly Order[]
}

/** What to do today, the most pressing first. A certificate with an open application is that application's business. */
export function thingsToDo({ session, applications, certificates, orders }: Known): Thing[] {
  const things: Thing[] = []
  if (session.state === 'unverified') things.push({ kind: 'verify', id: 'account', to: '/account/profile' })
  for (const application of applications) {
    const kind = waiting[application.state]
    if (!kind) continue
    const to = kind === 'receipt' ? '/account/receipts' : `/account/applications/${application.id}`
    things.push({ kind, id: application.id, to, application })
  }
  for (const certificate of certificates) {
    if ((certificate.state !== 'expiring' && certificate.state !== 'expired') || certificate.openApplicationId) continue
    const to = `/account/certificates/${certificate.id}`
    things.push({ kind: certificate.state, id: certificate.id, to, certificate })
  }
  for (const order of orders) things.push({ kind: 'pay', id: order.id, to: `/account/orders/${order.id}`, order })
  return things.sort((a, b) => ranks.indexOf(a.kind) - ranks.indexOf(b.kind))
}

const under: readonly Application['state'][] = ['pending', 'reviewing', 'second', 'paying', 'shipping']

/** Applications on which others are at work. */
export const underWay = (applications: readonly Application[]) => applications.filter(({ state }) => under.includes(state))
