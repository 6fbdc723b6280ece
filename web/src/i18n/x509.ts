import { useMessages } from './language'
import { en } from './x509.en-US'
import { zh } from './x509.zh-CN'

/** The words of certificates; what has none is shown as it is. */
export function useX509() {
  const t = useMessages(zh, en)
  const word = (of: Record<string, string>) => (name: string) => of[name]
  const extension = word(t.extensions)
  const usage = word(t.usages)
  const attribute = word(t.attributes)
  return {
    critical: t.critical,
    extension: (oid: string) => extension(oid) ?? oid,
    /** With its name in standards beside it. */
    usage: (name: string) => (usage(name) === undefined || usage(name) === name ? name : `${usage(name)} (${name})`),
    attribute: (name: string) => (attribute(name) === undefined ? name : `${attribute(name)} ${name}`),
  }
}
