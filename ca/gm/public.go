package gm

import (
	"crypto"
	"encoding/binary"
	"hash"
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
	case len(encoded) == 33 && encoded[0]|1 == 3:
		copy(k.X[:], encoded[1:])
		var p affine
		if !p.x.setBytes(&k.X) || !p.liftX() {
			return nil, ErrPoint
		}
		if k.Y = p.y.bytes(); k.Y[31]&1 != encoded[0]&1 {
			p.y.neg(&p.y) // y is never 0: the order of the curve is odd
			k.Y = p.y.bytes()
		}
	}
	if _, err := k.point(); err != nil {
		return nil, err
	}
	return k, nil
}

// liftX finds a y for p.x and reports whether there is one.
func (p *affine) liftX() bool {
	var t fe
	t.rightSide(&p.x)
	return p.y.sqrt(&t)
}

// point is the key as a checked point.
func (k *PublicKey) point() (p affine, err error) {
	// (0, 0), which stands for an unset key and infinity, is not on the curve either.
	if !p.x.setBytes(&k.X) || !p.y.setBytes(&k.Y) || !p.onCurve() {
		return affine{}, ErrPoint
	}
	return p, nil
}

func (p *affine) publicKey() PublicKey { return PublicKey{p.x.bytes(), p.y.bytes()} }

// Bytes returns 04‖X‖Y.
func (k *PublicKey) Bytes() []byte {
	return append(append(append(make([]byte, 0, 65), 4), k.X[:]...), k.Y[:]...)
}

// Equal reports whether other is a *PublicKey with the same point.
func (k *PublicKey) Equal(other crypto.PublicKey) bool {
	o, ok := other.(*PublicKey)
	return ok && o != nil && *k == *o
}

// curveBytes is a‖b‖xG‖yG, the fixed part of ZA.
var curveBytes = func() (out []byte) {
	a := fe{}
	for range 3 {
		a.sub(&a, &feOne)
	}
	for _, v := range []fe{a, feB, generator.x, generator.y} {
		b := v.bytes()
		out = append(out, b[:]...)
	}
	return out
}()

// za is SM3(ENTL‖ID‖a‖b‖xG‖yG‖xA‖yA).
//
// Source: GB/T 32918.2 §5.5.
func (k *PublicKey) za(uid []byte) [32]byte {
	if uid == nil {
		uid = []byte(DefaultUID)
	}
	var d sm3
	d.Reset()
	var entl [2]byte
	binary.BigEndian.PutUint16(entl[:], uint16(8*len(uid)))
	d.write(entl[:])
	d.write(uid)
	d.write(curveBytes)
	d.write(k.X[:])
	d.write(k.Y[:])
	return d.sum()
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
	d, za := new(digest), k.za(uid)
	d.start.Reset()
	d.start.write(za[:])
	d.Reset()
	return d
}

// Digest returns the 32-byte e = SM3(ZA‖msg). About uid see NewDigest.
func (k *PublicKey) Digest(uid, msg []byte) []byte {
	d := k.NewDigest(uid)
	d.Write(msg)
	return d.Sum(nil)
}

// digest is SM3 that begins, and after Reset begins again, at start.
type digest struct {
	sm3
	start sm3
}

var _ hash.Cloner = (*digest)(nil)

func (d *digest) Reset() { d.sm3 = d.start }

func (d *digest) Clone() (hash.Cloner, error) {
	c := *d
	return &c, nil
}
