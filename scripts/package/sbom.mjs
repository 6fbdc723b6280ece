// CycloneDX 1.6 of a Go program: the modules that are linked into it, as `go version -m -json` tells them.
// usage: go version -m -json PROGRAM | node sbom.mjs NAME VERSION SHA256
import { readFileSync } from 'node:fs'

const [name, version, sha256] = process.argv.slice(2)
const text = readFileSync(0, 'utf8')
const info = JSON.parse(text)
const purl = (path, v) => `pkg:golang/${path}@${v}`
const components = [
  { type: 'platform', name: 'go', version: info.GoVersion.replace(/^go/, ''), purl: purl('std', info.GoVersion.replace(/^go/, '')) },
  ...(info.Deps ?? []).map((d) => d.Replace ?? d).map((d) => ({
    type: 'library', name: d.Path, version: d.Version, purl: purl(d.Path, d.Version),
    ...(d.Sum && { properties: [{ name: 'go:sum', value: d.Sum }] }),
  })),
]
if (components.length < 2) throw new Error(`${name} names no modules`)
process.stdout.write(JSON.stringify({
  bomFormat: 'CycloneDX', specVersion: '1.6', version: 1,
  metadata: { component: { type: 'application', name, version, hashes: [{ alg: 'SHA-256', content: sha256 }] } },
  components,
}, null, 1) + '\n')
