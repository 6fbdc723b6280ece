import { organisation } from './client'
import { Refusal, unreachable } from './refusal'

/**
 * Sends a file as the whole body and tells how far it is: 0 to 1. It throws a Refusal and nothing else, but for an
 * AbortError when the signal says so. (fetch cannot tell how much it has sent.)
 *
 * Shape: path is below the API's, with its query.
 */
export function upload<T>(path: string, file: Blob, progress: (share: number) => void, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', `/api/v1${path}`)
    request.setRequestHeader('Content-Type', 'application/octet-stream')
    if (organisation.is()) request.setRequestHeader(organisation.header, organisation.is())
    request.responseType = 'json'
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total)
    request.onerror = () => reject(unreachable())
    request.onabort = () => reject(new DOMException('', 'AbortError'))
    request.onload = () => (request.status < 300 ? resolve(request.response as T) : reject(Refusal.from(request.response, request.status)))
    signal.addEventListener('abort', () => request.abort())
    request.send(file)
  })
}
