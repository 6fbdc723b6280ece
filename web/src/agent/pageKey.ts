import type { Schema } from '@/api/client'
import { fromBase64, toBase64 } from '@/lib/bytes'

const curve = { name: 'ECDH', namedCurve: 'P-256' } as const

/**
 * A key that lives in this page only. The assistant encrypts what it has opened to it, so the portal relays
 * plaintext it cannot read.
 *
 * Shape: P-256 ECDH → HKDF-SHA256 (no salt, info "signet-page", 32 bytes) → AES-256-GCM without extra data.
 */
export class PageKey {
  private constructor(private readonly pair: CryptoKeyPair, /** base64 of the uncompressed point */ readonly point: string) {}

  static async make(): Promise<PageKey> {
    const pair = await crypto.subtle.generateKey(curve, false, ['deriveBits'])
    return PageKey.of(pair)
  }

  static async of(pair: CryptoKeyPair): Promise<PageKey> {
    return new PageKey(pair, toBase64(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))))
  }

  /** Errors: throws when the outcome is incomplete, is for another key or was altered. */
  async open(outcome: Schema<'JobOutcome'>): Promise<Uint8Array<ArrayBuffer>> {
    const [ephemeral, nonce, ciphertext] = [outcome.ephemeral, outcome.nonce, outcome.ciphertext].map((part) => fromBase64(part ?? ''))
    if (!ephemeral?.length || !nonce?.length || !ciphertext?.length) throw new Error('the outcome is incomplete')
    const peer = await crypto.subtle.importKey('raw', ephemeral, curve, false, [])
    const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: peer }, this.pair.privateKey, 256)
    const secret = await crypto.subtle.importKey('raw', shared, 'HKDF', false, ['deriveKey'])
    const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: new TextEncoder().encode('signet-page') }
    const key = await crypto.subtle.deriveKey(hkdf, secret, { name: 'AES-GCM', length: 256 }, false, ['decrypt'])
    return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce }, key, ciphertext))
  }
}
