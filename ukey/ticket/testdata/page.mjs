// What a page does with a DecryptResult, in WebCrypto alone. Reads the page's private key (JWK) and the result
// as JSON on standard input and prints the plaintext.
import { webcrypto as crypto } from 'node:crypto'
import { readFileSync } from 'node:fs'

const { jwk, result } = JSON.parse(readFileSync(0, 'utf8'))
const bytes = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0))
const ecdh = { name: 'ECDH', namedCurve: 'P-256' }
const own = await crypto.subtle.importKey('jwk', jwk, ecdh, false, ['deriveBits'])
const peer = await crypto.subtle.importKey('raw', bytes(result.ephemeral), ecdh, false, [])
const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: peer }, own, 256)
const secret = await crypto.subtle.importKey('raw', shared, 'HKDF', false, ['deriveKey'])
const info = new TextEncoder().encode('signet-page')
const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info }
const key = await crypto.subtle.deriveKey(hkdf, secret, { name: 'AES-GCM', length: 256 }, false, ['decrypt'])
const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: bytes(result.nonce) }, key, bytes(result.ciphertext))
process.stdout.write(new TextDecoder().decode(plain))
