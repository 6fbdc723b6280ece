package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"

	"signet/ca/gm"
)

// Sizes of RSA keys that are read at all; CheckKey asks for more before one is certified.
const (
	minRSABits = 1024
	maxRSABits = 8192
)

// Contents and whole encodings of the key algorithms' identifiers.
//
// Source: RFC 5480 §2.1.1, RFC 3279 §2.3.1; GB/T 35276 (SM2 curve).
var (
	oidECKey    = mustOID("1.2.840.10045.2.1")
	oidRSAKey   = mustOID("1.2.840.113549.1.1.1")
	oidCurveSM2 = mustOID("1.2.156.10197.1.301")
	oidCurveP2  = mustOID("1.2.840.10045.3.1.7")
	oidCurveP3  = mustOID("1.3.132.0.34")

	algSM2Key  = tlv(tagSequence, oidECKey, oidCurveSM2)
	algP256Key = tlv(tagSequence, oidECKey, oidCurveP2)
	algP384Key = tlv(tagSequence, oidECKey, oidCurveP3)
	algRSAKey  = tlv(tagSequence, oidRSAKey, derNull)
)

// MarshalPublicKey encodes a public key as SubjectPublicKeyInfo.
//
// Errors: ErrUnsupported for other kinds of key, ErrMalformed for a point off its curve.
func MarshalPublicKey(pub crypto.PublicKey) ([]byte, error) {
	switch k := pub.(type) {
	case *gm.PublicKey:
		return tlv(tagSequence, algSM2Key, derBits(k.Bytes())), nil
	case *ecdsa.PublicKey:
		return marshalECDSA(k)
	case *rsa.PublicKey:
		key := tlv(tagSequence, derUint(k.N.Bytes()), derUint(big.NewInt(int64(k.E)).Bytes()))
		return tlv(tagSequence, algRSAKey, derBits(key)), nil
	case *MLDSAPublicKey:
		return tlv(tagSequence, k.set.sigAlg.DER(), derBits(k.raw)), nil
	}
	return nil, unsupported("public key %T", pub)
}

func marshalECDSA(k *ecdsa.PublicKey) ([]byte, error) {
	alg := algP256Key
	switch k.Curve {
	case elliptic.P256():
	case elliptic.P384():
		alg = algP384Key
	default:
		return nil, unsupported("elliptic curve")
	}
	point, err := k.Bytes()
	if err != nil {
		return nil, malformed("point off its curve")
	}
	return tlv(tagSequence, alg, derBits(point)), nil
}

// ParsePublicKey reads a SubjectPublicKeyInfo: *gm.PublicKey, *ecdsa.PublicKey, *rsa.PublicKey or *MLDSAPublicKey.
// It also reads SM2 keys whose algorithm is the curve's own identifier, as old writers have it, and RSA keys
// from 1024 bits; whether a key is good enough to be certified is CheckKey's question.
//
// Errors: ErrMalformed (explicit or missing curve parameters, compressed or off-curve points, RSA exponents that are
// even or below 65537); ErrUnsupported (another algorithm, curve or size).
func ParsePublicKey(spkiDER []byte) (crypto.PublicKey, error) {
	alg, bits, err := splitSPKI(spkiDER)
	if err != nil {
		return nil, err
	}
	r := reader{b: alg}
	_, oid := r.takeWhole(tagOID)
	if r.bad {
		return nil, malformed("key algorithm")
	}
	switch {
	case bytes.Equal(oid, oidRSAKey):
		return parseRSA(r.b, bits)
	case bytes.Equal(oid, oidECKey):
		return parseEC(r.b, bits)
	case bytes.Equal(oid, oidCurveSM2):
		if len(r.b) == 0 || bytes.Equal(r.b, derNull) || bytes.Equal(r.b, oidCurveSM2) {
			return parseSM2(bits)
		}
		return nil, malformed("parameters of an SM2 key")
	}
	if set := mldsaSetByID(oid); set != nil {
		if len(r.b) != 0 { // RFC 9881 §2: parameters MUST be absent
			return nil, malformed("parameters of an %s key", set.keyAlg)
		}
		return NewMLDSAPublicKey(set.keyAlg, bits)
	}
	return nil, unsupported("public key algorithm")
}

// splitSPKI returns the contents of the algorithm identifier and of the key's BIT STRING.
func splitSPKI(spkiDER []byte) (alg, bits []byte, err error) {
	body, err := sequence(spkiDER, "public key")
	if err != nil {
		return nil, nil, err
	}
	r := reader{b: body}
	alg = r.take(tagSequence)
	bits = r.take(tagBitString)
	if !r.done() || len(bits) < 2 || bits[0] != 0 {
		return nil, nil, malformed("public key")
	}
	return alg, bits[1:], nil
}

func parseEC(params, point []byte) (crypto.PublicKey, error) {
	var curve elliptic.Curve
	switch {
	case bytes.Equal(params, oidCurveSM2):
		return parseSM2(point)
	case bytes.Equal(params, oidCurveP2):
		curve = elliptic.P256()
	case bytes.Equal(params, oidCurveP3):
		curve = elliptic.P384()
	case len(params) > 0 && params[0] == tagOID && minimalSingle(params):
		return nil, unsupported("elliptic curve")
	default:
		return nil, malformed("curve parameters that are not a curve's name")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, malformed("elliptic curve point")
	}
	return key, nil
}

func minimalSingle(der []byte) bool {
	r := reader{b: der}
	r.next()
	return r.done()
}

func parseSM2(point []byte) (crypto.PublicKey, error) {
	if len(point) != 65 || point[0] != 4 { // one key, one encoding: its hash is its name
		return nil, malformed("SM2 point")
	}
	key, err := gm.NewPublicKey(point)
	if err != nil {
		return nil, malformed("SM2 point")
	}
	return key, nil
}

func parseRSA(params, der []byte) (crypto.PublicKey, error) {
	if !bytes.Equal(params, derNull) {
		return nil, malformed("parameters of an RSA key") // RFC 3279 §2.3.1: NULL
	}
	body, err := sequence(der, "RSA key")
	if err != nil {
		return nil, err
	}
	r := reader{b: body}
	n, e := r.take(tagInteger), r.take(tagInteger)
	if !r.done() || n[0]&0x80 != 0 || e[0]&0x80 != 0 {
		return nil, malformed("RSA key")
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < minRSABits || bits > maxRSABits {
		return nil, unsupported("RSA key of %d bits", bits)
	}
	if exponent.BitLen() > 31 || exponent.Int64() < 65537 || exponent.Bit(0) == 0 || modulus.Bit(0) == 0 {
		return nil, malformed("RSA exponent or modulus")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}
