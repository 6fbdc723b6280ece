// Package tlog is a transparency log of issuance: every certificate that was issued, in an append-only Merkle tree whose head is signed with
// an Ed25519 and an SM2 key, so that nobody, the operator included, can take one back or issue one unseen.
//
// The database row of a certificate comes first; the log follows it, entry by entry, and is served as tiles. An entry is the
// certificate as DER, or a signed note that says where the audit chain stood, which begins with "audit of". It refuses to sign a head that does not contain the one it signed before, or a tree that it cannot recompute
// from its tiles; and it never changes an entry. It knows nothing of how certificates come to be.
//
// Source: C2SP tlog-tiles, tlog-checkpoint, signed-note and tlog-proof; RFC 6962 §2.1 (the tree); golang.org/x/mod/sumdb/tlog.
package tlog
