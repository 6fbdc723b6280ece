// Package lint decides what must never be signed, by reading the to-be-signed bytes and nothing else: our own rules first, then
// zlint over a twin of the certificate in which an SM2 key and the signer are replaced by throwaway P-256 keys, because
// zlint cannot read SM2. It also holds the second implementation that cross-checks signatures after the fact.
//
// It fails closed: what cannot be parsed, or makes a lint panic, is refused. A Linter answers with a Pass, which
// admits exactly these bytes to a signer exactly once. It never sees a CA key.
package lint
