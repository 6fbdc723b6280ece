import { Form, Input, Select } from 'antd'
import type { Role } from '@/api/session'
import { useText } from '../text'

const granted: Role[] = ['reviewer', 'approver', 'operator', 'finance', 'shipper', 'window', 'manager', 'supervisor', 'admin', 'security', 'auditor']

/** Role and how far it reaches: fields role, project, region of the form around. */
export function RoleFields({ label, required }: { label: string; required: boolean }) {
  const { roles, grants: t } = useText()
  const role = Form.useWatch<Role | undefined>('role')
  return (
    <>
      <Form.Item name="role" label={label} rules={[{ required }]}>
        <Select listHeight={400} allowClear={!required} options={granted.map((value) => ({ value, label: roles[value] }))} data-testid="grant-role" />
      </Form.Item>
      {role === 'manager' && <Form.Item name="project" label={t.project} rules={[{ required: true }]}><Input maxLength={40} /></Form.Item>}
      {role === 'supervisor' && <Form.Item name="region" label={t.region} rules={[{ required: true, pattern: /^\d{2,12}$/ }]}><Input maxLength={12} /></Form.Item>}
    </>
  )
}
