// Package pki is what a certificate is: keys, names, certificates, requests, revocation lists and the paths
// between them, for SM2, ECDSA (P-256, P-384) and RSA alike.
//
// It refuses what is not strict DER: indefinite or padded lengths, bytes after the end, an inner signature
// algorithm that differs from the outer one, the same extension twice, explicit curve parameters, an algorithm
// that does not fit the key. It tolerates what certificates of running Chinese CAs do (NULL or no parameters
// with SM2, old string types in names, identity values without a tag, odd URL schemes), as reading is not
// issuing; CheckStrict tells the two apart. It knows no policy: what may be certified is decided above.
//
// One convention for signing keys: a crypto.Signer always receives a digest. For SM2 that is
// e = SM3(ZA‖message) with the default user ID, with options SM2Opts; for ECDSA and RSA the hash itself.
//
// Source: RFC 5280, RFC 2986, RFC 5958, RFC 5480; GB/T 20518, GM/T 0015 (SM2 profiles).
package pki
