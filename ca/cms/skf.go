package cms

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"signet/ca/gm"
)

// Layout of ENVELOPEDKEYBLOB, packed, ULONG as uint32 little-endian; every 256-bit number right-aligned in 64
// bytes (GM/T 0016 §6.4.10).
const (
	skfVersion   = 1
	skfSM4ECB    = 0x401 // SGD_SM4_ECB, GM/T 0006
	skfBits      = 256
	skfKeyAt     = 12  // cbEncryptedPriKey[64]
	skfPublicAt  = 76  // ECCPUBLICKEYBLOB: BitLen, X[64], Y[64]
	skfCipherAt  = 208 // ECCCIPHERBLOB: X[64], Y[64], HASH[32], CipherLen, Cipher
	skfSymAt     = skfCipherAt + 164
	skfSymLenAt  = skfSymAt - 4
	skfBlobSize  = skfSymAt + 16
	skfFieldSize = 64
)

// SKF writes the envelope as SKF_ImportECCKeyPair takes it.
//
// Shape: ENVELOPEDKEYBLOB, 388 bytes, ULONG of 4 bytes.
// Source: GM/T 0016 §6.4.10; header of GmSSL for the sizes.
func (e *EnvelopedKey) SKF() ([]byte, error) {
	if err := e.checked(); err != nil {
		return nil, fmt.Errorf("writing SKF key blob: %w", err)
	}
	b := make([]byte, skfBlobSize)
	le := binary.LittleEndian
	le.PutUint32(b[0:], skfVersion)
	le.PutUint32(b[4:], skfSM4ECB)
	le.PutUint32(b[8:], skfBits)
	putField(b[skfKeyAt:], e.strictKey())
	le.PutUint32(b[skfPublicAt:], skfBits)
	putField(b[skfPublicAt+4:], e.PublicKey.X[:])
	putField(b[skfPublicAt+4+skfFieldSize:], e.PublicKey.Y[:])
	c := e.EncryptedSymKey
	putField(b[skfCipherAt:], c.C1.X[:])
	putField(b[skfCipherAt+skfFieldSize:], c.C1.Y[:])
	copy(b[skfCipherAt+2*skfFieldSize:], c.C3[:])
	le.PutUint32(b[skfSymLenAt:], uint32(len(c.C2)))
	copy(b[skfSymAt:], c.C2)
	return b, nil
}

func putField(b, v []byte) { copy(b[skfFieldSize-len(v):skfFieldSize], v) }

// field reads a right-aligned number; its first half must be zero.
func field(b []byte) (v []byte, ok bool) {
	return b[32:skfFieldSize], bytes.Equal(b[:32], make([]byte, 32))
}

// ParseSKFEnvelopedKey reads an ENVELOPEDKEYBLOB. The half before the encrypted key may hold anything, as some
// writers encrypt all 64 bytes.
//
// Errors: ErrMalformed; ErrUnsupported for SM1 and SSF33, which exist only inside chips.
func ParseSKFEnvelopedKey(b []byte) (*EnvelopedKey, error) {
	e, err := parseSKF(b)
	if err != nil {
		return nil, fmt.Errorf("parsing SKF key blob: %w", err)
	}
	return e, nil
}

func parseSKF(b []byte) (*EnvelopedKey, error) {
	le := binary.LittleEndian
	if len(b) != skfBlobSize || le.Uint32(b) != skfVersion || le.Uint32(b[8:]) != skfBits ||
		le.Uint32(b[skfPublicAt:]) != skfBits || le.Uint32(b[skfSymLenAt:]) != 16 {
		return nil, ErrMalformed
	}
	if alg := le.Uint32(b[4:]); alg != skfSM4ECB {
		return nil, fmt.Errorf("%w: cipher %#x", ErrUnsupported, alg)
	}
	pub, err := pointAt(b[skfPublicAt+4:])
	if err != nil {
		return nil, err
	}
	c1, err := pointAt(b[skfCipherAt:])
	if err != nil {
		return nil, err
	}
	c := gm.Ciphertext{C1: *c1, C3: [32]byte(b[skfCipherAt+2*skfFieldSize:]), C2: bytes.Clone(b[skfSymAt:])}
	return &EnvelopedKey{SymAlg: symAlgSM4ECB, EncryptedSymKey: c, PublicKey: pub,
		EncryptedKey: bytes.Clone(b[skfKeyAt+32 : skfPublicAt])}, nil
}

func pointAt(b []byte) (*gm.PublicKey, error) {
	x, okX := field(b)
	y, okY := field(b[skfFieldSize:])
	pub, err := gm.NewPublicKey(append(append([]byte{4}, x...), y...))
	if err != nil || !okX || !okY {
		return nil, fmt.Errorf("%w: point", ErrMalformed)
	}
	return pub, nil
}
