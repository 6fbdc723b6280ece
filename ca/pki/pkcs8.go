package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"

	"signet/ca/gm"
)

// MarshalPrivateKey encodes a private key as unencrypted PKCS#8.
//
// Errors: ErrUnsupported for other kinds of key.
func MarshalPrivateKey(key crypto.PrivateKey) ([]byte, error) {
	switch k := key.(type) {
	case *gm.PrivateKey:
		inner := tlv(tagSequence, derUint([]byte{1}), tlv(tagOctetString, k.Bytes()),
			tlv(context(1, true), derBits(k.PublicKey().Bytes())))
		return tlv(tagSequence, derUint(nil), algSM2Key, tlv(tagOctetString, inner)), nil
	case *ecdsa.PrivateKey, *rsa.PrivateKey:
		return x509.MarshalPKCS8PrivateKey(k)
	case *MLDSAPrivateKey:
		return marshalMLDSAPrivate(k), nil
	}
	return nil, unsupported("private key %T", key)
}

// ParsePrivateKey reads an unencrypted PKCS#8 private key, an SM2 key as OpenSSL or GmSSL write it included.
//
// Errors: ErrMalformed (also when a public key inside does not belong to the private one); ErrUnsupported.
// The error never carries key material.
func ParsePrivateKey(pkcs8DER []byte) (crypto.Signer, error) {
	body, err := sequence(pkcs8DER, "private key")
	if err != nil {
		return nil, err
	}
	r := reader{b: body}
	version := r.take(tagInteger)
	alg := reader{b: r.take(tagSequence)}
	octets := r.take(tagOctetString)
	r.optional(context(0, true)) // attributes
	r.optional(context(1, false))
	if !r.done() || len(version) != 1 || version[0] > 1 {
		return nil, malformed("private key")
	}
	if isSM2Key(alg.b) {
		return parseSM2Private(octets)
	}
	if set := mldsaSetByID(alg.b); set != nil {
		return parseMLDSAPrivate(set, octets)
	}
	return parseStdPrivate(pkcs8DER)
}

func isSM2Key(alg []byte) bool {
	r := reader{b: alg}
	_, oid := r.takeWhole(tagOID)
	return bytes.Equal(oid, oidCurveSM2) || bytes.Equal(oid, oidECKey) && bytes.Equal(r.b, oidCurveSM2)
}

// parseSM2Private reads ECPrivateKey, RFC 5915 §3.
func parseSM2Private(der []byte) (crypto.Signer, error) {
	body, err := sequence(der, "SM2 private key")
	if err != nil {
		return nil, err
	}
	r := reader{b: body}
	version, d := r.take(tagInteger), r.take(tagOctetString)
	params, hasParams := r.optional(context(0, true))
	pub, hasPub := r.optional(context(1, true))
	if !r.done() || !bytes.Equal(version, []byte{1}) || hasParams && !bytes.Equal(params, oidCurveSM2) || len(d) == 0 || len(d) > 32 {
		return nil, malformed("SM2 private key")
	}
	scalar := make([]byte, 32)
	copy(scalar[32-len(d):], d)
	key, err := gm.NewPrivateKey(scalar)
	if err != nil {
		return nil, malformed("SM2 private key")
	}
	if hasPub && !bytes.Equal(pub, derBits(key.PublicKey().Bytes())) {
		return nil, malformed("SM2 private key with another's public key")
	}
	return key, nil
}

func parseStdPrivate(pkcs8DER []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8DER)
	if err != nil {
		return nil, malformed("private key") // the cause could quote key bytes
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		if _, err := AlgOf(&k.PublicKey); err != nil {
			return nil, err
		}
		return k, nil
	case *rsa.PrivateKey:
		return k, nil
	}
	return nil, unsupported("private key algorithm")
}
