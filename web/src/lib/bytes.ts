/** Bytes → standard base64, as the API wants it. Works in slices: one call with a megabyte of arguments overflows. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return btoa(binary)
}

/** Standard base64 (white space allowed) → bytes; null when it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text.replace(/\s+/g, '')), (c) => c.charCodeAt(0))
  } catch {
    return null
  }
}

/**
 * DER from what people have: DER itself, PEM, or base64 text.
 *
 * Nil/zero: an empty file gives null.
 */
export function derFrom(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
  if (bytes.length === 0) return null
  if (bytes[0] === 0x30) return bytes
  const text = new TextDecoder().decode(bytes)
  const pem = /-----BEGIN [^-]+-----([\s\S]*?)-----END [^-]+-----/.exec(text)
  const inner = fromBase64(pem?.[1] ?? text)
  return inner && inner.length > 0 ? inner : null
}

export async function readFile(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await file.arrayBuffer())
}

/** 1536 → 1.5 KiB */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

/** Base64 of the SHA-256 of a public key, itself in Base64; of what is no Base64, that of nothing. */
export async function hashOf(spki: string): Promise<string> {
  return toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', fromBase64(spki) ?? new Uint8Array())))
}
