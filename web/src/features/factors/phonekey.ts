// The key of this phone: a P-256 pair made by WebCrypto that cannot be exported, kept in IndexedDB of this origin.

export interface PhoneKey {
  factorId: string
  login: string
  key: CryptoKeyPair
}

const open = () =>
  new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open('signet-phone', 1)
    request.onupgradeneeded = () => request.result.createObjectStore('keys', { keyPath: 'factorId' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(new Error('IndexedDB'))
  })

const run = async <T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
  const db = await open()
  return new Promise((resolve, reject) => {
    const request = act(db.transaction('keys', mode).objectStore('keys'))
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(new Error('IndexedDB'))
  })
}

export const phoneKeys = () => run<PhoneKey[]>('readonly', (store) => store.getAll() as IDBRequest<PhoneKey[]>)
export const keepPhoneKey = (key: PhoneKey) => run('readwrite', (store) => store.put(key))

export const newPair = () => crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])

const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)))

export const publicKey = async (pair: CryptoKeyPair) => base64(await crypto.subtle.exportKey('spki', pair.publicKey))

/** Signs one act on one code, as the server's PhoneText writes it. */
export const sign = async (pair: CryptoKeyPair, act: 'enrol' | 'scan' | 'login' | 'cancel', secret: string) =>
  base64(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, new TextEncoder().encode(`signet phone 1\n${act}\n${secret}`)))
