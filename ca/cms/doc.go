// Package cms is signed and enveloped messages, in the Chinese form (GM/T 0010, PKCS#7 v1.5 with GM object
// identifiers) and the international one (RFC 5652), messages that are both at once (SignedAndEnvelopedData, which
// GM/T 0014 hands keys over in), and the SM2 key envelopes in which an encryption key travels to a USB key
// (GM/T 0009 §7.4, GM/T 0016).
//
// Writers take the stricter form; readers accept the variants seen in the field: GM or PKCS#7 content types
// with SM algorithms, four identifiers for an SM2 signature, NULL or absent parameters, key identifiers
// instead of issuer and serial, three encodings of an SM2 ciphertext, shortened BIT STRINGs.
//
// It refuses BER (indefinite lengths, constructed strings), bytes after the message, repeated attributes,
// SHA-1 and MD5, and a message without signed attributes whose content is itself a set of signed attributes.
// It never says why a decryption failed. Whether a certificate may be trusted, is in time, or may sign at
// all, is not its business: Verify says who signed, ca/pki says whether that counts.
//
// What a parse returns points into the bytes it was given; they must not change afterwards.
package cms
