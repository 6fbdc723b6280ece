import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const pdfjs = new URL('./node_modules/pdfjs-dist/', import.meta.url)
const { version } = JSON.parse(readFileSync(new URL('package.json', pdfjs), 'utf8'))
const wanted = { cmaps: /./, standard_fonts: /./, wasm: /fallback|LICENSE/ }

/** Puts what the PDF viewer asks the server for while it draws (fonts, character maps, a decoder) into the build, by its own names, below its version: what is below assets is cached for ever. */
export const pdfParts = () => ({
  name: 'pdf-parts',
  generateBundle() {
    for (const [folder, names] of Object.entries(wanted)) {
      const from = fileURLToPath(new URL(`${folder}/`, pdfjs))
      for (const name of readdirSync(from)) {
        if (names.test(name)) this.emitFile({ type: 'asset', fileName: `assets/pdfjs-${version}/${folder}/${name}`, source: readFileSync(from + name) })
      }
    }
  },
})
