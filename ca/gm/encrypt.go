package gm

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/subtle"
	"errors"
	"io"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// maxMessage keeps within the 32-bit counter of the KDF and within four-byte DER lengths; what is longer belongs
// under SM4 anyway.
const maxMessage = 1 << 30

// Encrypt encrypts msg for the key's owner.
//
// Shape: the result is DER SM2Cipher; Ciphertext has the other forms.
// Nil/zero: a nil rand is crypto/rand.
// Errors: ErrMessage for an empty message (the standard has no ciphertext for it) or one over 1 GiB; ErrPoint;
// those of rand; ErrRandom if it only gives numbers out of range.
// Source: GB/T 32918.4 §6.1; GB/T 35276 (encoding).
func (k *PublicKey) Encrypt(rand io.Reader, msg []byte) ([]byte, error) {
	if len(msg) == 0 || len(msg) > maxMessage {
		return nil, ErrMessage
	}
	if !k.onCurve() {
		return nil, ErrPoint
	}
	for range maxTries {
		nonce, err := draw(rand)
		if err != nil {
			return nil, err
		}
		// One nonce a call. Left to itself the library (v0.44.1) would try again for ever with a random source that
		// is stuck, and after a key stream of zeros encrypt to k·Q in place of Q, which nobody can decrypt: one in
		// 256 messages of one byte. Here its second try finds the source empty.
		der, err := sm2.EncryptASN1(bytes.NewReader(nonce[:]), k.ecdsa(), msg)
		if err == nil {
			return der, nil
		}
		if !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return nil, ErrRandom
}

// Decrypt decrypts whatever form of ciphertext it is given: DER SM2Cipher, then C1C3C2 with and without the
// leading 04, then the older C1C2C3 likewise. C3 decides which reading is right.
//
// Nil/zero: rand and opts are not used and may be nil.
// Errors: ErrDecrypt, whatever the reason.
// Source: GB/T 32918.4 §7.1.
func (k *PrivateKey) Decrypt(_ io.Reader, ciphertext []byte, _ crypto.DecrypterOpts) ([]byte, error) {
	for _, c := range readings(ciphertext) {
		// Our own reading, written out canonically: the library never sees the caller's bytes. It refuses a C1 off
		// the curve, and a key stream of zeros.
		if msg, err := sm2.Decrypt(k.key, c.C1C3C2()); err == nil {
			return msg, nil
		}
	}
	return nil, ErrDecrypt
}

// OpenWithX decrypts when only the x coordinate of d·C1 is known, as from a token that does ECDH but not SM2
// decryption. Both y that go with it are tried; C3 decides.
//
// Shape: x2 is 32 bytes, big-endian.
// Errors: ErrDecrypt, whatever the reason.
func OpenWithX(x2 []byte, c Ciphertext) ([]byte, error) {
	if len(x2) != 32 || len(c.C2) == 0 || !c.C1.onCurve() {
		return nil, ErrDecrypt
	}
	even, ok := c.open(x2, 2)
	odd, ok2 := c.open(x2, 3) // always both, so that the time does not tell which
	switch {
	case ok:
		return even, nil
	case ok2:
		return odd, nil
	}
	return nil, ErrDecrypt
}

// open decrypts with the shared point of that x and sign (2 for an even y, 3 for an odd one) and reports whether
// C3 agrees.
//
// Source: GB/T 32918.4 §5.4.3 (KDF), §7.1.
func (c *Ciphertext) open(x2 []byte, sign byte) ([]byte, bool) {
	x, y := elliptic.UnmarshalCompressed(sm2.P256(), append([]byte{sign}, x2...))
	if x == nil {
		return nil, false
	}
	var point [64]byte
	copy(point[:], x2)
	y.FillBytes(point[32:])
	msg := sm3.Kdf(point[:], len(c.C2))
	if isZero(msg) {
		return nil, false
	}
	subtle.XORBytes(msg, msg, c.C2)
	want := sm3.New()
	want.Write(point[:32])
	want.Write(msg)
	want.Write(point[32:])
	if subtle.ConstantTimeCompare(want.Sum(nil), c.C3[:]) != 1 {
		clear(msg)
		return nil, false
	}
	return msg, true
}

// isZero reports whether all bytes are zero, in a time that does not tell which is not.
func isZero(b []byte) bool {
	any := byte(0)
	for _, v := range b {
		any |= v
	}
	return any == 0
}
