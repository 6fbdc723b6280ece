// Package tsa is a time stamping authority: who sends it the hash of something gets back a signed statement that it existed at a
// certain time. RFC 3161 with SM2 and SM3, ECDSA or RSA with SHA-2; and the reader of such statements.
//
// It refuses to stamp when its clock is not to be trusted: when the stated source has not confirmed it lately, when it was set, or during a
// leap second. It refuses SHA-1 and MD5 imprints, policies it does not follow, extensions, and a certificate that is not for time stamping
// alone. Whether the certificate behind a token is trusted is not its business: Token.Verify says who signed, a path validator whether
// that counts.
//
// Source: RFC 3161; RFC 5816 (ESSCertIDv2); GM/T 0033 and GB/T 20520 (the same messages with SM2 and SM3).
package tsa
