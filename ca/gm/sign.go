package gm

import (
	"bytes"
	"crypto"
	"io"

	"github.com/emmansun/gmsm/sm2"
)

// Sign signs the digest e (see PublicKey.Digest). The nonce comes from HMAC-SM3 over d, e and random bytes: a
// random source that repeats or can be foretold does not reveal d, and a sound one makes signatures of the same
// digest differ.
//
// Shape: e is 32 bytes; the signature is DER SEQUENCE { r INTEGER, s INTEGER }.
// Nil/zero: a nil rand is crypto/rand; opts may be nil.
// Errors: ErrDigest if e has another length or opts names a hash function of crypto (SM3 is none); those of rand.
// Source: GB/T 32918.2 §6.1; GB/T 35276 (encoding); draft-irtf-cfrg-det-sigs-with-noise-04 §4 (the nonce).
func (k *PrivateKey) Sign(rand io.Reader, e []byte, opts crypto.SignerOpts) ([]byte, error) {
	if len(e) != sm3Size || opts != nil && opts.HashFunc() != 0 {
		return nil, ErrDigest
	}
	random, err := draw(rand) // never the caller's nil, which the library takes as "deterministic"
	if err != nil {
		return nil, err
	}
	return sm2.SignASN1(bytes.NewReader(random[:]), k.key, e, nil)
}

// Verify reports whether sigDER is a signature of the digest e under the key.
//
// Shape: e is 32 bytes; sigDER is strict DER: shortest non-negative INTEGERs, nothing after them, r and s in
// [1, n−1], r+s ≠ 0 mod n.
// Concurrency: takes time depending on its arguments, which are public.
// Source: GB/T 32918.2 §7.1.
func (k *PublicKey) Verify(e, sigDER []byte) bool {
	if len(e) != sm3Size {
		return false
	}
	if _, _, ok := parseSignature(sigDER); !ok || !k.onCurve() {
		return false
	}
	return sm2.VerifyASN1(k.ecdsa(), e, sigDER)
}

// parseSignature reads r and s, both of which must be in [1, n−1].
func parseSignature(sigDER []byte) (r, s [32]byte, ok bool) {
	seq := sequence(sigDER)
	r, s = seq.integer(), seq.integer()
	return r, s, seq.done() && inRange(&r) && inRange(&s)
}

// inRange reports whether 1 ≤ v < n. For public values only.
func inRange(v *[32]byte) bool {
	return *v != [32]byte{} && bytes.Compare(v[:], order[:]) < 0
}

func encodeSignature(r, s [32]byte) []byte {
	body := appendInteger(make([]byte, 0, 70), r[:])
	body = appendInteger(body, s[:])
	return appendDER(make([]byte, 0, 72), derSequence, body)
}

// SignatureToRaw turns a DER signature into r‖s, as SKF, SDF and PKCS#11 have it.
//
// Shape: 64 bytes, both big-endian.
// Errors: ErrSignature for what Verify would call malformed.
func SignatureToRaw(der []byte) ([]byte, error) {
	r, s, ok := parseSignature(der)
	if !ok {
		return nil, ErrSignature
	}
	return append(r[:], s[:]...), nil
}

// SignatureFromRaw turns r‖s into DER.
//
// Shape: 64 bytes, both big-endian.
// Errors: ErrSignature for another length, or r or s not in [1, n−1].
func SignatureFromRaw(rs []byte) ([]byte, error) {
	if len(rs) != 64 {
		return nil, ErrSignature
	}
	r, s := [32]byte(rs[:32]), [32]byte(rs[32:])
	if !inRange(&r) || !inRange(&s) {
		return nil, ErrSignature
	}
	return encodeSignature(r, s), nil
}
