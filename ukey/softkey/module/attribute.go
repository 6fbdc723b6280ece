package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/binary"
	"math/big"

	"signet/ca/gm"
)

// attrs are the attributes of an object.
//
// Shape: numbers (CK_ULONG) are 8 bytes, little-endian, whatever the platform; export.go turns them.
type attrs map[uint64][]byte

// numbers are the attributes that hold a CK_ULONG.
var numbers = map[uint64]bool{attrClass: true, attrCertificateType: true, attrCategory: true, attrKeyType: true,
	attrModulusBits: true, attrValueLen: true, attrKeyGenMechanism: true}

func number(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

func truth(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

// number reads a CK_ULONG; ok tells whether it is there.
func (a attrs) number(t uint64) (n uint64, ok bool) {
	v, ok := a[t]
	if !ok || len(v) != 8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(v), true
}

// is reads a CK_BBOOL; absent is false.
func (a attrs) is(t uint64) bool { return len(a[t]) == 1 && a[t][0] != 0 }

// orTrue reads a CK_BBOOL whose default is true.
func (a attrs) orTrue(t uint64) bool {
	_, given := a[t]
	return !given || a.is(t)
}

// with returns a with all of b on top.
func (a attrs) with(b attrs) attrs {
	for t, v := range b {
		a[t] = v
	}
	return a
}

// only returns what a says of some attributes.
func (a attrs) only(types ...uint64) attrs {
	some := attrs{}
	for _, t := range types {
		if v, ok := a[t]; ok {
			some[t] = v
		}
	}
	return some
}

// matches tells whether an object fits a search template.
func (a attrs) matches(template attrs) bool {
	for t, want := range template {
		if have, ok := a[t]; !ok || !bytes.Equal(have, want) {
			return false
		}
	}
	return true
}

// The curves, as CKA_EC_PARAMS names them.
var (
	paramsP256 = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}
	paramsP384 = []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}
	paramsSM2  = []byte{0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d}
)

// publicAttrs are what a public key is.
func publicAttrs(pub crypto.PublicKey) attrs {
	switch k := pub.(type) {
	case *gm.PublicKey:
		return attrs{attrKeyType: number(typeSM2), attrECParams: paramsSM2, attrECPoint: octets(k.Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return attrs{}
		}
		params := paramsP256
		if k.Curve == elliptic.P384() {
			params = paramsP384
		}
		return attrs{attrKeyType: number(typeEC), attrECParams: params, attrECPoint: octets(point)}
	case *rsa.PublicKey:
		return attrs{attrKeyType: number(typeRSA), attrModulus: k.N.Bytes(),
			attrPublicExponent: big.NewInt(int64(k.E)).Bytes()}
	}
	return attrs{}
}

func octets(b []byte) []byte {
	der, err := asn1.Marshal(b)
	if err != nil {
		panic(err) // cannot happen: an OCTET STRING of any bytes
	}
	return der
}

// bare takes an EC point out of its OCTET STRING, if it is in one. The first byte tells nothing: 04 begins both.
func bare(point []byte) []byte {
	if len(point) == 65 || len(point) == 97 {
		return point
	}
	var inside []byte
	if rest, err := asn1.Unmarshal(point, &inside); err == nil && len(rest) == 0 {
		return inside
	}
	return point
}

// publicKey is the inverse of publicAttrs.
func (a attrs) publicKey() (crypto.PublicKey, error) {
	kind, ok := a.number(attrKeyType)
	if !ok {
		return nil, rvTemplateIncomplete
	}
	if kind == typeRSA {
		n, e := new(big.Int).SetBytes(a[attrModulus]), new(big.Int).SetBytes(a[attrPublicExponent])
		if n.BitLen() < 1024 || n.BitLen() > 8192 || e.BitLen() > 31 || e.Bit(0) == 0 {
			return nil, rvAttributeValueInvalid
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	}
	if kind != typeEC && kind != typeSM2 {
		return nil, rvAttributeValueInvalid
	}
	params, given := a[attrECParams]
	if !given && kind == typeEC {
		return nil, rvTemplateIncomplete
	}
	pub, err := pointOf(params, bare(a[attrECPoint]))
	if err != nil {
		return nil, rvAttributeValueInvalid
	}
	return pub, nil
}

// pointOf reads a point of the named curve; no name is SM2.
func pointOf(params, point []byte) (crypto.PublicKey, error) {
	switch {
	case params == nil, bytes.Equal(params, paramsSM2):
		return gm.NewPublicKey(point)
	case bytes.Equal(params, paramsP256):
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	case bytes.Equal(params, paramsP384):
		return ecdsa.ParseUncompressedPublicKey(elliptic.P384(), point)
	}
	return nil, rvAttributeValueInvalid
}

// privateKey makes the key that a template for C_CreateObject describes.
func (a attrs) privateKey() (crypto.Signer, error) {
	kind, ok := a.number(attrKeyType)
	if !ok {
		return nil, rvTemplateIncomplete
	}
	params := a[attrECParams]
	switch {
	case kind == typeRSA:
		return a.rsaKey()
	case kind == typeSM2, kind == typeEC && bytes.Equal(params, paramsSM2):
		return scalar(gm.NewPrivateKey(leftPad(a[attrValue], 32)))
	case kind == typeEC && bytes.Equal(params, paramsP256):
		return scalar(ecdsa.ParseRawPrivateKey(elliptic.P256(), leftPad(a[attrValue], 32)))
	case kind == typeEC && bytes.Equal(params, paramsP384):
		return scalar(ecdsa.ParseRawPrivateKey(elliptic.P384(), leftPad(a[attrValue], 48)))
	}
	return nil, rvTemplateInconsistent
}

func scalar[K crypto.Signer](k K, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, rvAttributeValueInvalid
	}
	return k, nil
}

func leftPad(b []byte, n int) []byte {
	for len(b) > n && b[0] == 0 {
		b = b[1:]
	}
	if len(b) >= n {
		return b
	}
	return append(make([]byte, n-len(b)), b...)
}

func (a attrs) rsaKey() (crypto.Signer, error) {
	pub, err := a.publicKey()
	if err != nil {
		return nil, err
	}
	k := &rsa.PrivateKey{PublicKey: *pub.(*rsa.PublicKey), D: new(big.Int).SetBytes(a[attrPrivateExponent]),
		Primes: []*big.Int{new(big.Int).SetBytes(a[attrPrime1]), new(big.Int).SetBytes(a[attrPrime2])}}
	if k.Validate() != nil {
		return nil, rvAttributeValueInvalid
	}
	k.Precompute()
	return k, nil
}
