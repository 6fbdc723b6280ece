import type { Schema } from '@/api/client'
import { derFrom, fromBase64, toBase64 } from '@/lib/bytes'
import type { Picked } from '@/ui/FilePick'

export interface Draft {
  type: 'cms' | 'raw'
  signature: Picked | null
  pasted: string
  content: Picked | null
  certificate: Picked | null
  format: 'der' | 'rs'
  at: string
  uid: string
  organisation: string
}

export const emptyDraft: Draft = {
  type: 'cms', signature: null, pasted: '', content: null, certificate: null, format: 'der', at: '', uid: '', organisation: '',
}

/** The call for what the person has filled in; null when there is no readable signature. */
export function requestOf(draft: Draft): Schema<'VerifyRequest'> | null {
  const signature = signatureOf(draft)
  if (!signature || signature.length === 0) return null
  const raw = draft.type === 'raw'
  const certificate = raw && draft.certificate ? derFrom(draft.certificate.bytes) : null
  const at = draft.at ? new Date(draft.at) : null
  return {
    type: draft.type,
    signature: toBase64(signature),
    ...(draft.content ? { content: toBase64(draft.content.bytes) } : {}),
    ...(certificate ? { certificate: toBase64(certificate) } : {}),
    ...(raw ? { signatureFormat: draft.format } : {}),
    ...(at && !Number.isNaN(at.getTime()) ? { at: at.toISOString().replace(/\.\d+Z$/, 'Z') } : {}),
    ...(draft.uid.trim() ? { uid: draft.uid.trim() } : {}),
    ...(draft.organisation.trim() ? { requireOrganisation: draft.organisation.trim() } : {}),
  }
}

function signatureOf(draft: Draft): Uint8Array<ArrayBuffer> | null {
  if (draft.signature) {
    // A bare r‖s may begin with any byte, so it is taken as it is unless it is text.
    return draft.type === 'cms' ? derFrom(draft.signature.bytes) : (textual(draft.signature.bytes) ?? draft.signature.bytes)
  }
  return draft.pasted.trim() ? derFrom(new TextEncoder().encode(draft.pasted)) : null
}

function textual(bytes: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const text = new TextDecoder().decode(bytes)
  return /^[A-Za-z0-9+/=\s]+$/.test(text) ? fromBase64(text) : null
}
