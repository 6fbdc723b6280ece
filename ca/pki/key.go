package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"io"

	"signet/ca/gm"
)

// KeyAlg names a kind and size of key.
type KeyAlg string

// The keys Signet makes and certifies.
const (
	SM2     KeyAlg = "SM2"
	P256    KeyAlg = "P-256"
	P384    KeyAlg = "P-384"
	RSA2048 KeyAlg = "RSA-2048"
	RSA3072 KeyAlg = "RSA-3072"
	RSA4096 KeyAlg = "RSA-4096"
	MLDSA44 KeyAlg = "ML-DSA-44" // for roots above classical CAs: docs/decisions/0010
	MLDSA65 KeyAlg = "ML-DSA-65"
	MLDSA87 KeyAlg = "ML-DSA-87"
)

var rsaBits = map[KeyAlg]int{RSA2048: 2048, RSA3072: 3072, RSA4096: 4096}

// GenerateKey makes a new private key: *gm.PrivateKey, *ecdsa.PrivateKey, *rsa.PrivateKey or *MLDSAPrivateKey.
//
// Nil/zero: a nil random source means crypto/rand.
// Errors: ErrUnsupported for an unknown algorithm; those of the source.
func GenerateKey(alg KeyAlg, random io.Reader) (crypto.Signer, error) {
	if random == nil {
		random = rand.Reader
	}
	switch alg {
	case SM2:
		return gm.GenerateKey(random)
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), random)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), random)
	}
	if set := mldsaSetOf(alg); set != nil {
		return generateMLDSA(set, random)
	}
	bits, ok := rsaBits[alg]
	if !ok {
		return nil, unsupported("key algorithm %q", string(alg))
	}
	return rsa.GenerateKey(random, bits)
}

// AlgOf names the algorithm of a public key.
//
// Errors: ErrUnsupported for a key Signet does not make, an RSA key of another size among them.
func AlgOf(pub crypto.PublicKey) (KeyAlg, error) {
	switch k := pub.(type) {
	case *gm.PublicKey:
		return SM2, nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return P256, nil
		case elliptic.P384():
			return P384, nil
		}
	case *rsa.PublicKey:
		for alg, bits := range rsaBits {
			if k.N.BitLen() == bits {
				return alg, nil
			}
		}
		return "", unsupported("RSA key of %d bits", k.N.BitLen())
	case *MLDSAPublicKey:
		return k.Alg(), nil
	}
	return "", unsupported("public key %T", pub)
}

// SPKIHash is the SHA-256 of a SubjectPublicKeyInfo: the name of a key in our own records.
func SPKIHash(spkiDER []byte) [32]byte { return sha256.Sum256(spkiDER) }

// KeyID is the key identifier of a public key: SHA-1 over the contents of the BIT STRING.
//
// Shape: 20 bytes. Nil/zero: nil for a key that MarshalPublicKey refuses.
// Source: RFC 5280 §4.2.1.2 (1).
func KeyID(pub crypto.PublicKey) []byte {
	spki, err := MarshalPublicKey(pub)
	if err != nil {
		return nil
	}
	_, bits, err := splitSPKI(spki)
	if err != nil {
		return nil
	}
	sum := sha1.Sum(bits)
	return sum[:]
}
