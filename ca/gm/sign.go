package gm

import (
	"crypto"
	"io"
)

// nonceKey holds HMAC-SM3 keyed with the private scalar, its inner and outer hash each after the key block.
type nonceKey struct{ inner, outer sm3 }

func newNonceKey(d *scalar) (n nonceKey) {
	var block [sm3Block]byte
	key := d.bytes()
	copy(block[:], key[:])
	copy(block[32:], "signet sm2 nonce") // so that no other use of d as an HMAC key gives these numbers
	for i := range block {
		block[i] ^= 0x36
	}
	n.inner.Reset()
	n.inner.write(block[:])
	for i := range block {
		block[i] ^= 0x36 ^ 0x5c
	}
	n.outer.Reset()
	n.outer.write(block[:])
	return n
}

// nonce derives the nonce of one attempt to sign e.
func (n *nonceKey) nonce(e, random *[32]byte, attempt byte) [32]byte {
	inner, outer := n.inner, n.outer
	inner.write(random[:])
	inner.write(e[:])
	inner.write([]byte{attempt})
	h := inner.sum()
	outer.write(h[:])
	return outer.sum()
}

// Sign signs the digest e (see PublicKey.Digest). The nonce is HMAC-SM3 of random bytes and e under a key made
// from d: a random source that repeats or can be foretold does not reveal d, and a sound one makes signatures
// of the same digest differ.
//
// Shape: e is 32 bytes; the signature is DER SEQUENCE { r INTEGER, s INTEGER }.
// Nil/zero: a nil rand is crypto/rand; opts may be nil.
// Errors: ErrDigest if e has another length or opts names a hash function of crypto (SM3 is none); those of rand.
// Source: GB/T 32918.2 §6.1; GB/T 35276 (encoding); RFC 6979 §3.6 (added randomness).
func (k *PrivateKey) Sign(rand io.Reader, e []byte, opts crypto.SignerOpts) ([]byte, error) {
	if len(e) != sm3Size || opts != nil && opts.HashFunc() != 0 {
		return nil, ErrDigest
	}
	random, err := draw(rand)
	if err != nil {
		return nil, err
	}
	for attempt := range byte(maxTries) {
		nonce := k.nonces.nonce((*[32]byte)(e), &random, attempt)
		var n scalar
		if !n.setBytes(&nonce) || n.isZero() != 0 {
			continue
		}
		if r, s, ok := k.signWith(&n, (*[32]byte)(e)); ok {
			return encodeSignature(r.bytes(), s.bytes()), nil
		}
	}
	return nil, ErrRandom // cannot happen: each attempt misses with probability 2⁻³²
}

// signWith makes the signature of a nonce; it reports false for one that the standard rejects.
func (k *PrivateKey) signWith(nonce *scalar, e *[32]byte) (r, s scalar, ok bool) {
	var p point
	p.mulBase(nonce)
	q := p.affine()
	x := q.x.bytes()
	var ex scalar
	ex.setReduced(e)
	r.setReduced(&x)
	r.add(&r, &ex)
	var t scalar
	t.add(&r, nonce)
	if r.isZero()|t.isZero() != 0 {
		return r, s, false
	}
	// s = (k − r·d)/(1+d) = (k + r)/(1+d) − r: one product, and d itself is not touched.
	s.mul(&k.inverse, &t)
	s.sub(&s, &r)
	return r, s, s.isZero() == 0
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
	r, s, ok := parseSignature(sigDER)
	if !ok {
		return false
	}
	q, err := k.point()
	if err != nil {
		return false
	}
	var t scalar
	if t.add(&r, &s); t.isZero() != 0 {
		return false
	}
	var p jacobian
	p.mulBoth(&s, &t, &q)
	var ex, x scalar
	ex.setReduced((*[32]byte)(e))
	x.sub(&r, &ex)
	return p.hasXModN(&x)
}

// hasXModN reports whether the affine x of p is congruent to v mod n: it is v, or v+n where that is below p.
func (p *jacobian) hasXModN(v *scalar) bool {
	var x fe
	b := v.bytes()
	x.setBytes(&b) // v < n < p
	if p.hasX(&x) {
		return true
	}
	if v[3]|v[2] != 0 || v[1] > gap1 || v[1] == gap1 && v[0] >= gap0 {
		return false // v + n ≥ p
	}
	x.add(&x, &feN)
	return p.hasX(&x)
}

// p − n, two limbs.
const (
	gap0 = 0xac440bf6c62abedc
	gap1 = 0x8dfc2093de39fad5
)

// feN is n as a field element.
var feN = feConst("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123")

func parseSignature(sigDER []byte) (r, s scalar, ok bool) {
	seq := sequence(sigDER)
	rb, sb := seq.integer(), seq.integer()
	ok = seq.done() && r.setBytes(&rb) && s.setBytes(&sb) && r.isZero()|s.isZero() == 0
	return r, s, ok
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
	rb, sb := r.bytes(), s.bytes()
	return append(rb[:], sb[:]...), nil
}

// SignatureFromRaw turns r‖s into DER.
//
// Shape: 64 bytes, both big-endian.
// Errors: ErrSignature for another length, or r or s not in [1, n−1].
func SignatureFromRaw(rs []byte) ([]byte, error) {
	if len(rs) != 64 {
		return nil, ErrSignature
	}
	var r, s scalar
	rb, sb := [32]byte(rs[:32]), [32]byte(rs[32:])
	if !r.setBytes(&rb) || !s.setBytes(&sb) || r.isZero()|s.isZero() != 0 {
		return nil, ErrSignature
	}
	return encodeSignature(rb, sb), nil
}
