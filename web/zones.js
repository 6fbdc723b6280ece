import { readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const src = fileURLToPath(new URL('./src', import.meta.url))

// What each layer may import besides itself. A folder without a row is an error, so a new layer is a decision.
const may = {
  app: ['features', 'agent', 'ui', 'api', 'lib', 'i18n'],
  features: ['agent', 'ui', 'api', 'lib', 'i18n'],
  agent: ['ui', 'api', 'lib', 'i18n'],
  ui: ['api', 'lib', 'i18n'],
  api: ['lib', 'i18n'],
  lib: ['api', 'i18n'],
  i18n: ['api', 'lib'],
}

// Inside app and features every folder is a zone of its own: portal and admin, and no feature knows another.
const split = ['app', 'features']

const folders = readdirSync(src, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name)
for (const folder of folders) if (!(folder in may)) throw new Error(`zones.js: no row for src/${folder}`)

function zoneOf(file) {
  const [layer, part] = relative(src, file).split('/')
  return { layer, name: split.includes(layer) ? `${layer}/${part}` : layer }
}

function target(file, specifier) {
  if (specifier.startsWith('@/')) return join(src, specifier.slice(2))
  if (specifier.startsWith('.')) return resolve(dirname(file), specifier)
  return null
}

/** Refuses imports against the direction app → features → {agent → ui} → {api, lib, i18n}. */
export const zones = {
  meta: { type: 'problem', schema: [], messages: { wall: '{{from}} may not import {{to}}' } },
  create(context) {
    const file = context.filename
    if (relative(src, file).startsWith('..')) return {}
    const from = zoneOf(file)
    const check = (node) => {
      const path = node.source && target(file, node.source.value)
      if (!path || relative(src, path).startsWith('..')) return
      const to = zoneOf(path)
      if (to.name === from.name || may[from.layer]?.includes(to.layer)) return
      context.report({ node, messageId: 'wall', data: { from: from.name, to: to.name } })
    }
    return { ImportDeclaration: check, ImportExpression: (n) => n.source.type === 'Literal' && check(n), ExportNamedDeclaration: check }
  },
}
