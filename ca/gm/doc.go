// Package gm is the Chinese commercial cryptography the rest of Signet stands on: SM2 signatures and
// encryption, the SM3 hash and the SM4 block cipher, over nothing but the standard library.
//
// It refuses every encoding that is not exactly the standard's: signatures with trailing bytes or padded
// integers, points off the curve, scalars out of range, hashes of the wrong length. It knows no certificate,
// no key file and no token; those are the packages above.
//
// Side channels: all SM2 arithmetic that touches a private key or a nonce runs in time independent of their
// values (complete addition formulas, scanned tables, no math/big). SM2 verification is variable-time, as
// everything in it is public. SM4 reads key-dependent table entries and so is NOT constant-time on a machine
// whose cache an attacker shares; Signet therefore uses SM4 for short-lived content keys only.
//
// Source: GB/T 32918.1–.5 (SM2), GB/T 32905 (SM3), GB/T 32907 (SM4), GB/T 35276 (encodings).
package gm
