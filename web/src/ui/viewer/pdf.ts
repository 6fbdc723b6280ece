import { getDocument, GlobalWorkerOptions, VerbosityLevel, version, type PDFDocumentLoadingTask } from 'pdfjs-dist'
import worker from 'pdfjs-dist/build/pdf.worker.min.mjs?url'

GlobalWorkerOptions.workerSrc = worker

/**
 * Takes a PDF apart in a worker. Only the drawing of pages is used: no scripts, forms or links, and nothing is compiled at run time,
 * as the server's content policy has it. The parts it asks for (fonts, character maps, decoders) come from this server; pdfparts.js puts them there.
 */
export function open(data: ArrayBuffer): PDFDocumentLoadingTask {
  const parts = new URL(`/assets/pdfjs-${version}/`, location.href).href
  return getDocument({
    data, isEvalSupported: false, useWasm: false, enableXfa: false, stopAtErrors: false, verbosity: VerbosityLevel.ERRORS,
    cMapUrl: `${parts}cmaps/`, cMapPacked: true, standardFontDataUrl: `${parts}standard_fonts/`, wasmUrl: `${parts}wasm/`,
    canvasMaxAreaInBytes: 64 << 20, maxImageSize: 64 << 20,
  })
}
