import { mutationOptions, queryOptions } from '@tanstack/react-query'
import { api, body, type Schema } from '@/api/client'
import { upload } from '@/api/upload'

export type Material = Schema<'Material'>
export type MaterialItem = Schema<'MaterialItem'>

export const materialsQuery = (applicationId: string) =>
  queryOptions({
    queryKey: ['applications', 'materials', applicationId],
    staleTime: 0,
    queryFn: ({ signal }) => body(api.GET('/applications/{id}/materials', { params: { path: { id: applicationId } }, signal })),
  })

/** Where a file, and a letter to print, is fetched. */
export const materialURL = (m: { id: string }, applicationId: string) => `/api/v1/applications/${applicationId}/materials/${m.id}`
export const letterURL = (type: Schema<'MaterialType'>, applicationId: string) => `/api/v1/applications/${applicationId}/letters/${type}`

interface Sent {
  type: Schema<'MaterialType'>
  replaces?: string
  file: Blob
  name: string
  progress: (share: number) => void
  signal: AbortSignal
}

export const addMaterial = (applicationId: string) =>
  mutationOptions({
    mutationKey: ['applications', 'materials', 'add'],
    meta: { changes: [['applications', 'materials', applicationId]] },
    mutationFn: ({ type, replaces, file, name, progress, signal }: Sent) => {
      const query = new URLSearchParams({ type, name: name.slice(0, 200), ...(replaces ? { replaces } : {}) })
      return upload<Material>(`/applications/${applicationId}/materials?${query.toString()}`, file, progress, signal)
    },
  })

export const removeMaterial = (applicationId: string) =>
  mutationOptions({
    mutationKey: ['applications', 'materials', 'remove'],
    meta: { changes: [['applications', 'materials', applicationId]] },
    mutationFn: (materialId: string) => body(api.DELETE('/applications/{id}/materials/{materialId}', { params: { path: { id: applicationId, materialId } } })),
  })

/** Whether the list is complete: nothing wanted is missing and nothing that was sent back is left. */
export const complete = (items: readonly MaterialItem[]) =>
  items.every((item) => (!item.wanted || item.files.length > 0) && item.files.every((file) => file.state !== 'rejected'))
