import { useMutation, useQuery } from '@tanstack/react-query'
import { Form, Input, InputNumber, Modal, Radio, Select } from 'antd'
import { useState } from 'react'
import { useCommon } from '@/i18n/common'
import { Problem } from '@/ui/Problem'
import { createBatch, projectsQuery, type Batch } from '../queries'
import { useText } from '../text'

interface Fields {
  title: string
  projectSlug: string
  codes?: string
  blanks?: number
  termMonths?: number | null
  soPin?: string
}

const most = 2000
const linesOf = (text = '') => text.split(/[\s,，;；]+/).filter(Boolean)

export function CreateBatch({ close, done }: { close: () => void; done: (batch: Batch) => void }) {
  const { form: t } = useText()
  const { create: title } = useText()
  const common = useCommon()
  const [form] = Form.useForm<Fields>()
  const [certified, setCertified] = useState(true)
  const projects = useQuery(projectsQuery)
  const create = useMutation({ ...createBatch, onSuccess: done })
  const submit = ({ title, projectSlug, codes, blanks, termMonths, soPin }: Fields) =>
    create.mutate({
      title: title.trim(), projectSlug, ...(certified ? { codes: linesOf(codes) } : { blanks: blanks ?? 0 }),
      ...(certified && termMonths ? { termMonths } : {}), ...(soPin ? { soPin } : {}),
    })
  return (
    <Modal open title={title} okText={t.submit} cancelText={common.cancel} onOk={() => form.submit()} onCancel={close} confirmLoading={create.isPending} okButtonProps={{ 'data-testid': 'flash-submit' }}>
      <Form form={form} name="batch" layout="vertical" onFinish={submit} initialValues={{ blanks: 10 }} autoComplete="off">
        <Form.Item name="title" label={t.title} rules={[{ required: true, whitespace: true }]}>
          <Input maxLength={200} data-testid="flash-title" />
        </Form.Item>
        <Form.Item name="projectSlug" label={t.project} rules={[{ required: true }]}>
          <Select
            showSearch={{ optionFilterProp: 'label' }}
            loading={projects.isPending}
            options={projects.data?.map((project) => ({ value: project.slug, label: project.name })) ?? []}
            data-testid="flash-project"
          />
        </Form.Item>
        <Form.Item label={t.what}>
          <Radio.Group value={certified} onChange={(event) => setCertified(event.target.value === true)}>
            <Radio value={true} data-testid="flash-certified">{t.organisations}</Radio>
            <Radio value={false} data-testid="flash-blanks">{t.blanks}</Radio>
          </Radio.Group>
        </Form.Item>
        {certified ? (
          <>
            <Form.Item
              name="codes"
              label={t.codes}
              extra={t.codesHint}
              rules={[{ required: true }, { validator: (_, text: string) => (linesOf(text).length > most ? Promise.reject(new Error(t.tooMany)) : Promise.resolve()) }]}
            >
              <Input.TextArea autoSize={{ minRows: 3, maxRows: 10 }} className="mono" data-testid="flash-codes" />
            </Form.Item>
            <Form.Item name="termMonths" label={t.term} extra={t.termHint}>
              <InputNumber min={1} max={60} precision={0} />
            </Form.Item>
          </>
        ) : (
          <Form.Item name="blanks" label={t.count} rules={[{ required: true }]}>
            <InputNumber min={1} max={most} precision={0} data-testid="flash-count" />
          </Form.Item>
        )}
        <Form.Item name="soPin" label={t.soPin} extra={t.soPinHint} style={{ marginBottom: 0 }}>
          <Input.Password maxLength={64} autoComplete="new-password" />
        </Form.Item>
      </Form>
      <Problem error={create.error ?? projects.error} testId="flash-problem" />
    </Modal>
  )
}
