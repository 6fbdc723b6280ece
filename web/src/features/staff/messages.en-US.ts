import type { Translated } from '@/i18n/language'
import type { zh } from './messages.zh-CN'

export const en: Translated<typeof zh> = {
  roles: {
    holder: 'Holder', staff: 'No role yet', reviewer: 'Reviewer', approver: 'Approver', operator: 'Issuing operator', finance: 'Finance', shipper: 'Shipper', window: 'Window operator',
    manager: 'Project manager', supervisor: 'Region supervisor', admin: 'System administrator', security: 'Security administrator', auditor: 'Auditor',
  },
  join: {
    page: 'Accept the invitation',
    hello: (name, login) => `Hello ${name}. Your login is ${login}. Set a password; one-time codes come next.`,
    submit: 'Set the password and go on',
  },
  people: {
    page: 'People',
    columns: { login: 'Login', name: 'Name', roles: 'Roles', state: 'State', factors: 'Second factor', seen: 'Last seen', action: 'Action' },
    states: { legacy: 'Not supplemented', unverified: 'Unverified', verified: 'In order', frozen: 'Frozen', closed: 'Closed' },
    noFactor: 'None',
    set: (n) => `${n} set`,
    freeze: 'Freeze', unfreeze: 'Unfreeze', reset: 'Reset factors', grant: 'Request a role',
    reason: 'Reason', confirm: 'Confirm', cancel: 'Cancel',
    resetAsk: (login) => `Reset the second factors of ${login}? Sessions end, and the next login sets a new one.`,
  },
  invite: {
    heading: 'Invite a member of staff', login: 'Login', loginHint: '2 to 32 lower-case letters, digits, dots, dashes or underscores', name: 'Name', role: 'Role to request on joining (optional; another security administrator confirms)',
    project: 'Project', region: 'Region code', submit: 'Make the link', once: 'The link is shown this once, works once and for 72 hours. Hand it over in person or by a reliable way.',
    list: 'Invitations', states: { open: 'Open', used: 'Accepted', withdrawn: 'Withdrawn', expired: 'Expired' }, withdraw: 'Withdraw', by: (login, at) => `by ${login}, valid until ${at}`,
    none: 'No invitations.',
  },
  keys: {
    heading: 'Signing keys',
    what: 'Another security administrator confirms a bound key; before that it signs nothing.',
    required: 'Here decisions and batches are signed with a UKey bound to their maker.',
    optional: 'Signatures are not required here; a bound key may sign.',
    none: 'No key is bound yet.',
    bind: 'Bind a UKey',
    bound: 'Asked for. Another security administrator confirms it.',
    agree: 'Confirm',
    refuse: 'Refuse',
    end: 'Unbind',
    states: { requested: 'Waits for a second person', active: 'Bound', refused: 'Refused', ended: 'Unbound' },
    columns: { login: 'Account', token: 'Token', certificate: 'Certificate', until: 'Valid until', state: 'State', requested: 'Asked', action: 'Action' },
  },
  grants: {
    page: 'Grants of roles',
    what: 'One security administrator asks, another confirms; a grant lasts at most 12 months and ends unless it is reviewed. System, security and audit administrators are different persons.',
    columns: { person: 'Person', role: 'Role', scope: 'Scope', state: 'State', requested: 'Requested', decided: 'Confirmed', until: 'Until', action: 'Action' },
    states: { requested: 'Awaits a second person', active: 'Active', refused: 'Refused', ended: 'Ended', expired: 'Expired' },
    due: 'Review due', all: 'All', agree: 'Agree', refuse: 'Refuse', review: 'Keep 12 more months', end: 'Take back',
    months: 'Months', submit: 'Request', requestFor: (login) => `Request a role for ${login}`, role: 'Role', project: 'Project (needed for a manager)', region: 'Region code (needed for a supervisor)', reason: 'Reason',
    none: 'No grants.',
  },
  me: { page: 'My account', agents: 'Paired ukeyd' },
}
