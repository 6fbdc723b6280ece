package gm

import (
	"crypto"
	"crypto/subtle"
	"encoding/binary"
	"io"
)

// maxMessage keeps within the 32-bit counter of the KDF and within four-byte DER lengths; what is longer belongs
// under SM4 anyway.
const maxMessage = 1 << 30

// Encrypt encrypts msg for the key's owner.
//
// Shape: the result is DER SM2Cipher; Ciphertext has the other forms.
// Nil/zero: a nil rand is crypto/rand.
// Errors: ErrMessage for an empty message (the standard has no ciphertext for it) or one over 1 GiB; ErrPoint; those of rand.
// Source: GB/T 32918.4 §6.1; GB/T 35276 (encoding).
func (k *PublicKey) Encrypt(rand io.Reader, msg []byte) ([]byte, error) {
	if len(msg) == 0 || len(msg) > maxMessage {
		return nil, ErrMessage
	}
	q, err := k.point()
	if err != nil {
		return nil, err
	}
	for range maxTries {
		b, err := draw(rand)
		if err != nil {
			return nil, err
		}
		var nonce scalar
		if !nonce.setBytes(&b) || nonce.isZero() != 0 {
			continue
		}
		if c, ok := encryptWith(&nonce, &q, msg); ok {
			return c.ASN1(), nil
		}
	}
	return nil, ErrRandom
}

// encryptWith makes the ciphertext of a nonce; it reports false where the key stream is all zero.
func encryptWith(nonce *scalar, q *affine, msg []byte) (c Ciphertext, ok bool) {
	var p [2]point
	p[0].mulBase(nonce)
	p[1].mul(nonce, q)
	points := normalise(p[:])
	c.C1 = points[0].publicKey()
	x2, y2 := points[1].x.bytes(), points[1].y.bytes()
	c.C2 = make([]byte, len(msg))
	if !keyStream(c.C2, &x2, &y2) {
		return c, false
	}
	subtle.XORBytes(c.C2, c.C2, msg)
	c.C3 = tag(&x2, msg, &y2)
	return c, true
}

// keyStream fills t with KDF(x2‖y2) and reports whether any byte of it is not zero.
//
// Source: GB/T 32918.4 §5.4.3.
func keyStream(t []byte, x2, y2 *[32]byte) bool {
	var start sm3
	start.Reset()
	start.write(x2[:])
	start.write(y2[:]) // exactly one block: each step below compresses once
	any, rest := byte(0), t
	for counter := uint32(1); len(rest) > 0; counter++ {
		d := start
		var be [4]byte
		binary.BigEndian.PutUint32(be[:], counter)
		d.write(be[:])
		sum := d.sum()
		n := copy(rest, sum[:])
		for _, b := range sum[:n] {
			any |= b
		}
		rest = rest[n:]
	}
	return any != 0
}

// tag is C3 = SM3(x2‖M‖y2).
func tag(x2 *[32]byte, msg []byte, y2 *[32]byte) [32]byte {
	var d sm3
	d.Reset()
	d.write(x2[:])
	d.write(msg)
	d.write(y2[:])
	return d.sum()
}

// Decrypt decrypts whatever form of ciphertext it is given: DER SM2Cipher, then C1C3C2 with and without the
// leading 04, then the older C1C2C3 likewise. C3 decides which reading is right.
//
// Nil/zero: rand and opts are not used and may be nil.
// Errors: ErrDecrypt, whatever the reason.
// Source: GB/T 32918.4 §7.1.
func (k *PrivateKey) Decrypt(_ io.Reader, ciphertext []byte, _ crypto.DecrypterOpts) ([]byte, error) {
	var last *Ciphertext // the reading whose d·C1 is in shared: most readings have the same C1
	var shared affine
	for _, c := range readings(ciphertext) {
		if last == nil || c.C1 != last.C1 {
			p, err := k.shared(&c.C1)
			if err != nil {
				continue
			}
			last, shared = &c, p
		}
		x2, y2 := shared.x.bytes(), shared.y.bytes()
		if msg, ok := c.open(&x2, &y2); ok {
			return msg, nil
		}
	}
	return nil, ErrDecrypt
}

// open decrypts with the shared point and reports whether C3 agrees.
func (c *Ciphertext) open(x2, y2 *[32]byte) ([]byte, bool) {
	msg := make([]byte, len(c.C2))
	if !keyStream(msg, x2, y2) {
		return nil, false // also an empty C2
	}
	subtle.XORBytes(msg, msg, c.C2)
	want := tag(x2, msg, y2)
	if subtle.ConstantTimeCompare(want[:], c.C3[:]) != 1 {
		clear(msg)
		return nil, false
	}
	return msg, true
}

// OpenWithX decrypts when only the x coordinate of d·C1 is known, as from a token that does ECDH but not SM2
// decryption. Both y that go with it are tried; C3 decides.
//
// Shape: x2 is 32 bytes, big-endian.
// Errors: ErrDecrypt, whatever the reason.
func OpenWithX(x2 []byte, c Ciphertext) ([]byte, error) {
	if _, err := c.C1.point(); err != nil || len(x2) != 32 {
		return nil, ErrDecrypt
	}
	var p affine
	xb := [32]byte(x2)
	if !p.x.setBytes(&xb) || !p.liftX() {
		return nil, ErrDecrypt
	}
	y := p.y.bytes()
	p.y.neg(&p.y)
	other := p.y.bytes()
	msg, ok := c.open(&xb, &y)
	msg2, ok2 := c.open(&xb, &other) // always both, so that the time does not tell which
	switch {
	case ok:
		return msg, nil
	case ok2:
		return msg2, nil
	}
	return nil, ErrDecrypt
}
