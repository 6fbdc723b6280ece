package gm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/binary"
	"hash"
	"math/big"

	"github.com/emmansun/gmsm/ecdh"
	"github.com/emmansun/gmsm/sm2"
)

// DefaultUID is the user identity that certificates, requests, CRLs, OCSP and CMS all use.
//
// Source: GM/T 0009 §10.
const DefaultUID = "1234567812345678"

// maxUID is what ENTL, 16 bits that count bits, can express.
const maxUID = (1<<16 - 1) / 8

// PublicKey is an SM2 public key. Only NewPublicKey makes a checked one; the operations check again and refuse a
// hand-made key that is no point of the curve.
//
// Shape: affine coordinates, big-endian.
type PublicKey struct{ X, Y [32]byte }

// NewPublicKey reads a point of the curve.
//
// Shape: 04‖X‖Y (65 bytes), or 02‖X, 03‖X (33 bytes, Y even, odd).
// Errors: ErrPoint for anything else: infinity, a coordinate not below p, a point off the curve.
func NewPublicKey(encoded []byte) (*PublicKey, error) {
	k := new(PublicKey)
	switch {
	case len(encoded) == 65 && encoded[0] == 4:
		copy(k.X[:], encoded[1:33])
		copy(k.Y[:], encoded[33:])
	case len(encoded) == 33:
		x, y := elliptic.UnmarshalCompressed(sm2.P256(), encoded)
		if x == nil {
			return nil, ErrPoint
		}
		x.FillBytes(k.X[:])
		y.FillBytes(k.Y[:])
	}
	if !k.onCurve() {
		return nil, ErrPoint
	}
	return k, nil
}

// onCurve reports whether the key is a point of the curve with both coordinates below p. (0, 0), which stands for
// an unset key and infinity, is not.
func (k *PublicKey) onCurve() bool {
	_, err := k.ecdh()
	return err == nil
}

// ecdh is the key as the library's key agreement takes it, checked.
func (k *PublicKey) ecdh() (*ecdh.PublicKey, error) {
	key, err := ecdh.P256().NewPublicKey(k.Bytes())
	if err != nil {
		return nil, ErrPoint
	}
	return key, nil
}

// ecdsa is the key as the library's signatures and encryption take it, unchecked.
func (k *PublicKey) ecdsa() *ecdsa.PublicKey {
	return &ecdsa.PublicKey{Curve: sm2.P256(), X: new(big.Int).SetBytes(k.X[:]), Y: new(big.Int).SetBytes(k.Y[:])}
}

// Bytes returns 04‖X‖Y.
func (k *PublicKey) Bytes() []byte {
	return append(append(append(make([]byte, 0, 65), 4), k.X[:]...), k.Y[:]...)
}

// Equal reports whether other is a *PublicKey with the same point.
func (k *PublicKey) Equal(other crypto.PublicKey) bool {
	o, ok := other.(*PublicKey)
	return ok && o != nil && *k == *o
}

// order is n.
var order = bytes32(sm2.P256().Params().N)

// curveBytes is a‖b‖xG‖yG, the fixed part of ZA.
var curveBytes = func() (out []byte) {
	c := sm2.P256().Params()
	a := new(big.Int).Sub(c.P, big.NewInt(3))
	for _, v := range []*big.Int{a, c.B, c.Gx, c.Gy} {
		b := bytes32(v)
		out = append(out, b[:]...)
	}
	return out
}()

// bytes32 writes a number below 2²⁵⁶ big-endian.
func bytes32(v *big.Int) (b [32]byte) {
	v.FillBytes(b[:])
	return b
}

// za is SM3(ENTL‖ID‖a‖b‖xG‖yG‖xA‖yA).
//
// Source: GB/T 32918.2 §5.5.
func (k *PublicKey) za(uid []byte) [32]byte {
	if uid == nil {
		uid = []byte(DefaultUID)
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 256), uint16(8*len(uid)))
	b = append(b, uid...)
	b = append(b, curveBytes...)
	b = append(b, k.X[:]...)
	return SumSM3(append(b, k.Y[:]...))
}

// NewDigest returns an SM3 computation already fed with ZA: write the message, and Sum gives what Sign and
// Verify take. Reset goes back to that start, not to plain SM3.
//
// Shape: uid at most 8191 bytes, as its length in bits has 16 bits; a longer one panics.
// Nil/zero: a nil uid is DefaultUID; an empty one is the empty identity.
// Source: GB/T 32918.2 §5.5, §6.1.
func (k *PublicKey) NewDigest(uid []byte) hash.Hash {
	if len(uid) > maxUID {
		panic("gm: user identity too long") // identities are configuration, not input
	}
	za := k.za(uid)
	return newDigest(za[:])
}

// Digest returns the 32-byte e = SM3(ZA‖msg). About uid see NewDigest.
func (k *PublicKey) Digest(uid, msg []byte) []byte {
	d := k.NewDigest(uid)
	d.Write(msg)
	return d.Sum(nil)
}
