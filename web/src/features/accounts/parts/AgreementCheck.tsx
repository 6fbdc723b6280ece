import { useQuery } from '@tanstack/react-query'
import { Button, Checkbox, Form, Modal } from 'antd'
import { useState } from 'react'
import { Problem } from '@/ui/Problem'
import { agreementQuery } from '../queries'
import { useText } from '../text'

/** 服务协议: read and ticked; the field `agreement` of the form around holds the version once it is. Source: S003-19. */
export function AgreementCheck({ testId, textShown = false }: { testId: string; textShown?: boolean }) {
  const { register: t } = useText()
  const query = useQuery(agreementQuery)
  const [open, setOpen] = useState(false)
  if (query.error) return <Problem error={query.error} retry={() => void query.refetch()} testId={`${testId}-agreement-problem`} />
  const agreement = query.data
  return (
    <>
      <Form.Item
        name="agreement"
        valuePropName="checked"
        getValueFromEvent={(event: { target: { checked: boolean } }) => (event.target.checked ? agreement?.version : undefined)}
        rules={[{ required: true, message: t.agreeFirst }]}
      >
        <Checkbox disabled={!agreement} data-testid={`${testId}-agree`}>{t.agree}</Checkbox>
      </Form.Item>
      {!textShown && <Button type="link" style={{ padding: 0, marginTop: -16 }} onClick={() => setOpen(true)}>《{agreement?.title ?? t.agreement}》</Button>}
      <Modal open={open} title={agreement?.title} onCancel={() => setOpen(false)} footer={null} width={680}>
        <p className="quiet">{t.version(agreement?.version ?? '')}</p>
        <div style={{ whiteSpace: 'pre-line', lineHeight: 1.8 }} tabIndex={0}>{agreement?.text}</div>
      </Modal>
    </>
  )
}
