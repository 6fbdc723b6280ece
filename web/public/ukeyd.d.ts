/**
 * ukeyd.js: USB keys for the pages of a filed application, through the ukeyd agent on the visitor's computer.
 * The browser talks to the agent; the application's own server talks to the portal with its API key. See docs/operate/embedding-ukeyd.md.
 */

/** What the agent answered; to be passed on to POST /api/v1/platform/loopback as `hello`. */
export interface HelloReply {
  agentId: string
  nonce: string
  version: string
  signature: string
}

export interface TicketRequest {
  agentId: string
  session: string
  op: 'list' | 'prove' | 'sign' | 'decrypt'
  tokenSerial?: string
  spkiHash?: string
  nonce?: string
  name?: string
  content?: string
  /** sign: a list in place of name and content. */
  files?: { name: string; content: string }[]
  detached?: boolean
  style?: Style
  pageKey?: string
}

export type Style = 'gmt0010' | 'rfc5652' | 'raw'

/** The three questions to your own server, which asks the portal. It decides who may do what: check your visitor's login in each. */
export interface Backend {
  /** 16 to 64 fresh random bytes in base64, remembered for this visitor. */
  nonce(): Promise<string>
  /** POST /api/v1/platform/loopback {origin, nonce, hello} with the nonce your server remembered. */
  grant(hello: HelloReply): Promise<{ grant: string; session: string }>
  /** POST /api/v1/platform/tickets with what your server agrees to. */
  ticket(request: TicketRequest): Promise<{ id: string; ticket: string; params: string }>
}

/** A key pair on a USB key. Binary values are base64. */
export interface KeyObject {
  id: string
  usage: 'sign' | 'encrypt'
  spki: string
  certificate?: string
}

export interface Key {
  serial: string
  label: string
  model: string
  manufacturer: string
  /** −1: the key does not tell. */
  pinTriesLeft: number
  pinLocked: boolean
  initialised: boolean
  simulated: boolean
  objects: KeyObject[]
}

export interface Proof {
  certificate: string
  signature: string
  serial: string
}

export interface Signed {
  name: string
  /** CMS, or the bare signature with style raw; base64. */
  signature: string
  certificate: string
  serial: string
}

/** Which key signs: its SPKI as KeyObject gives it. */
export interface SignOptions {
  spki: string
  tokenSerial?: string
  detached?: boolean
  style?: Style
}

export interface UKeyd {
  readonly agentId: string
  readonly version: string
  listKeys(): Promise<Key[]>
  /** A proof for your origin over your server's nonce (base64, 16 to 64 bytes). Your server checks it. */
  login(nonce: string, key: { spki: string; tokenSerial?: string }): Promise<Proof>
  /** Signs one file of at most 256 KiB. */
  sign(file: File, options: SignOptions): Promise<Signed>
  /** Signs a list of at most 50 files, 1 MiB together, all or none: the agent shows every name and digest and asks for one PIN. */
  signFiles(files: readonly File[], options: SignOptions): Promise<Signed[]>
  /** Opens a CMS envelope (DER, at most 1 MiB). Neither your server nor the portal can read what was inside. */
  decrypt(file: File, tokenSerial?: string): Promise<Uint8Array<ArrayBuffer>>
  /** Resolves once a key was plugged in or pulled out, or after 25 s, with the number to pass next time. Start with 0. */
  changed(revision: number): Promise<number>
}

/**
 * code: absent (no agent answered), denied (the browser's permission), an agent's code such as pin_cancelled, pin_wrong, pin_locked, key_absent,
 * key_pulled, conflict, ticket_expired, operation_refused; or session_needed: connect again.
 */
export declare class UKeydError extends Error {
  readonly code: string
  readonly triesLeft?: number
}

/** What the browser says about calls to this computer: explain before you connect while it is `prompt`. */
export declare function permission(): Promise<'granted' | 'denied' | 'prompt' | 'unknown'>

/** Finds the agent and opens a session. Call it from a click. */
export declare function connect(backend: Backend): Promise<UKeyd>
