import { mutationOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'

export const importHolders = mutationOptions({
  mutationKey: ['imports'],
  meta: { changes: [['inventory']] },
  mutationFn: (request: Schema<'ImportRequest'>) => body(api.POST('/admin/imports', { body: request })),
})
