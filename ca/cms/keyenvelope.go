package cms

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"signet/ca/gm"
)

// EnvelopedKey is an SM2 private key under an SM4 key that is itself encrypted to another SM2 key: the way an
// escrowed encryption key travels to a USB key, encrypted to the signing key that was born there.
//
// Source: GM/T 0009 §7.4, GB/T 35276 (SM2EnvelopedKey); GM/T 0016 §6.4.10 (ENVELOPEDKEYBLOB).
type EnvelopedKey struct {
	SymAlg          string        // "SM4-ECB"
	EncryptedSymKey gm.Ciphertext // the 16-byte SM4 key
	PublicKey       *gm.PublicKey // of the key inside
	EncryptedKey    []byte        // SM4-ECB: 32 bytes D; as read also 48 (D and padding) or 64 (right-aligned D)
}

const symAlgSM4ECB = "SM4-ECB"

// WrapKey encrypts a private key to a public key, in the one form the standard has: SM4-ECB with NULL
// parameters, 32 bytes without padding.
//
// Shape: SM2EnvelopedKey, DER.
// Nil/zero: random nil = the system's.
// Errors: only those of random.
func WrapKey(random io.Reader, to *gm.PublicKey, key *gm.PrivateKey) ([]byte, error) {
	e, err := wrapKey(random, to, key)
	if err != nil {
		return nil, fmt.Errorf("wrapping private key: %w", err)
	}
	return e.DER(), nil
}

func wrapKey(random io.Reader, to *gm.PublicKey, key *gm.PrivateKey) (*EnvelopedKey, error) {
	if random == nil {
		random = rand.Reader
	}
	sym := make([]byte, 16)
	defer clear(sym)
	if _, err := io.ReadFull(random, sym); err != nil {
		return nil, err
	}
	block, err := gm.NewSM4(sym)
	if err != nil {
		return nil, err
	}
	d := key.Bytes()
	defer clear(d)
	sealed := make([]byte, len(d))
	gm.EncryptECB(block, sealed, d)
	der, err := to.Encrypt(random, sym)
	if err != nil {
		return nil, err
	}
	c, err := gm.ParseCiphertext(der)
	if err != nil {
		return nil, err
	}
	return &EnvelopedKey{SymAlg: symAlgSM4ECB, EncryptedSymKey: c, PublicKey: key.PublicKey(), EncryptedKey: sealed}, nil
}

// DER writes the strict form whatever form was read: ECB encrypts block by block, so padding and leading
// zeros are left behind without the key.
//
// Nil/zero: nil for an EnvelopedKey put together by hand that lacks a part.
func (e *EnvelopedKey) DER() []byte {
	if e.checked() != nil {
		return nil
	}
	return seq(
		seq(oid(oidSM4ECB), null()),
		encoded(e.EncryptedSymKey.ASN1()),
		bitsOf(e.PublicKey.Bytes()),
		bitsOf(e.strictKey()),
	).der()
}

// strictKey is the 32 bytes of EncryptedKey that hold D.
func (e *EnvelopedKey) strictKey() []byte {
	switch len(e.EncryptedKey) {
	case 64:
		return e.EncryptedKey[32:]
	case 48:
		return e.EncryptedKey[:32]
	}
	return e.EncryptedKey
}

// ParseEnvelopedKey reads an SM2EnvelopedKey, with the deviations seen in the field: the bare SM4 identifier,
// parameters absent, BIT STRINGs whose trailing zeros an encoder dropped, D with PKCS#7 padding (48 bytes) or
// right-aligned in 64.
//
// Errors: ErrMalformed, ErrBER, ErrUnsupported (a cipher other than SM4-ECB); never panics.
func ParseEnvelopedKey(der []byte) (*EnvelopedKey, error) {
	r := newReader(der)
	s := r.into(tagSequence, "key envelope")
	r.end("key envelope")
	alg := s.algorithm("cipher")
	sym := s.raw(tagSequence, "encrypted SM4 key")
	point := bitString(s, "public key")
	sealed := bitString(s, "encrypted private key")
	s.end("key envelope")
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("parsing key envelope: %w", err)
	}
	e, err := envelopeOf(alg, sym, padRight(point, 65), sealed)
	if err != nil {
		return nil, fmt.Errorf("parsing key envelope: %w", err)
	}
	return e, nil
}

func envelopeOf(alg algorithm, sym, point, sealed []byte) (*EnvelopedKey, error) {
	if alg.id != oidSM4 && alg.id != oidSM4ECB || !alg.plain() {
		return nil, fmt.Errorf("%w: cipher %s", ErrUnsupported, alg.id)
	}
	c, err := gm.ParseCiphertext(sym)
	if err != nil || len(c.C2) != 16 {
		return nil, fmt.Errorf("%w: encrypted SM4 key", ErrMalformed)
	}
	if len(point) != 65 || point[0] != 4 {
		return nil, fmt.Errorf("%w: public key", ErrMalformed)
	}
	pub, err := gm.NewPublicKey(point)
	if err != nil {
		return nil, fmt.Errorf("%w: public key", ErrMalformed)
	}
	if len(sealed) <= 16 || len(sealed) > 64 { // 16 zero bytes at the end of a ciphertext do not happen
		return nil, fmt.Errorf("%w: encrypted private key of %d bytes", ErrMalformed, len(sealed))
	}
	sealed = padRight(sealed, (len(sealed)+15)/16*16)
	return &EnvelopedKey{SymAlg: symAlgSM4ECB, EncryptedSymKey: c, PublicKey: pub, EncryptedKey: sealed}, nil
}

// bitString reads a BIT STRING and drops the count of unused bits: an encoder that takes the string for a
// flag list counts the trailing zero bits of the last byte as unused, and they must then be zero.
func bitString(r *reader, what string) []byte {
	b := r.body(tagBitString, what)
	if r.err() != nil {
		return nil
	}
	if len(b) < 2 || b[0] > 7 || b[len(b)-1]&(1<<b[0]-1) != 0 {
		r.fail(ErrMalformed, what)
		return nil
	}
	return b[1:]
}

func padRight(b []byte, size int) []byte {
	if len(b) >= size {
		return b
	}
	return append(b[:len(b):len(b)], make([]byte, size-len(b))...)
}

// Unwrap decrypts the private key and checks that it belongs to PublicKey.
//
// Shape: key is asked with nil options and the ciphertext as ASN.1.
// Errors: ErrDecrypt; ErrKeyMismatch if what is inside is a key, but another, or no key at all.
func (e *EnvelopedKey) Unwrap(key crypto.Decrypter) (*gm.PrivateKey, error) {
	sym, err := key.Decrypt(rand.Reader, e.EncryptedSymKey.ASN1(), nil)
	if err != nil || len(sym) != 16 {
		return nil, fmt.Errorf("unwrapping private key: %w", ErrDecrypt)
	}
	defer clear(sym)
	block, err := gm.NewSM4(sym)
	if err != nil || len(e.EncryptedKey)%blockSize != 0 || len(e.EncryptedKey) < 32 {
		return nil, fmt.Errorf("unwrapping private key: %w", ErrDecrypt)
	}
	plain := make([]byte, len(e.EncryptedKey))
	defer clear(plain)
	gm.DecryptECB(block, plain, e.EncryptedKey)
	for _, d := range [][]byte{plain[len(plain)-32:], plain[:32]} { // right-aligned; else at the front
		k, err := gm.NewPrivateKey(d)
		if err == nil && e.PublicKey != nil && k.PublicKey().Equal(e.PublicKey) {
			return k, nil
		}
	}
	return nil, fmt.Errorf("unwrapping private key: %w", ErrKeyMismatch)
}

// checked says whether an EnvelopedKey put together by hand can be written.
func (e *EnvelopedKey) checked() error {
	if e.PublicKey == nil || len(e.EncryptedSymKey.C2) != 16 {
		return errors.New("key envelope is incomplete")
	}
	if n := len(e.EncryptedKey); n != 32 && n != 48 && n != 64 {
		return fmt.Errorf("encrypted private key of %d bytes", n)
	}
	return nil
}
