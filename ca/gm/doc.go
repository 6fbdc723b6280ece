// Package gm is the Chinese commercial cryptography the rest of Signet stands on: SM2 signatures and
// encryption, the SM3 hash and the SM4 block cipher. The arithmetic is that of github.com/emmansun/gmsm; what
// this package adds is one small surface, keys that do not print, and strictness.
//
// It refuses every encoding that is not exactly the standard's: signatures with trailing bytes or padded
// integers, points off the curve, scalars out of range, hashes of the wrong length. It knows no certificate,
// no key file and no token; those are the packages above.
//
// Side channels: what touches a private key or a nonce runs in time independent of their values, with two bounds
// that the library's interface sets: a scalar and, in OpenWithX, a shared y pass through math/big on their way in
// and out. SM4 uses the processor's instructions on amd64 and arm64; in a build with the tag purego it reads
// key-dependent table entries, so that a shared cache can tell on it.
//
// Source: GB/T 32918.1–.5 (SM2), GB/T 32905 (SM3), GB/T 32907 (SM4), GB/T 35276 (encodings);
// docs/decisions/0001 (why this library, and what of it is not used).
package gm
