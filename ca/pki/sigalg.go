package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"

	"signet/ca/gm"
)

// SigAlg is a signature algorithm as an AlgorithmIdentifier spells it. It is comparable; the zero value is none.
type SigAlg struct{ der string }

// The signature algorithms that can be read. Signet signs with the first SM2 one, the ECDSA ones and the
// SHA-2 RSA ones; SHA-1 is recognised so that it can be refused by name.
//
// Source: gm-standards (SM2: parameters absent, NULL also seen); RFC 5758 §3.2; RFC 4055 §5; RFC 9881 §2 (ML-DSA:
// the identifiers of its keys, pure signatures, empty context).
var (
	SM2WithSM3      = newSigAlg("1.2.156.10197.1.501", nil)
	SM2WithNull     = newSigAlg("1.2.156.10197.1.501", derNull)
	ECDSAWithSHA256 = newSigAlg("1.2.840.10045.4.3.2", nil)
	ECDSAWithSHA384 = newSigAlg("1.2.840.10045.4.3.3", nil)
	ECDSAWithSHA512 = newSigAlg("1.2.840.10045.4.3.4", nil)
	RSAWithSHA256   = newSigAlg("1.2.840.113549.1.1.11", derNull)
	RSAWithSHA384   = newSigAlg("1.2.840.113549.1.1.12", derNull)
	RSAWithSHA512   = newSigAlg("1.2.840.113549.1.1.13", derNull)
	RSAWithSHA1     = newSigAlg("1.2.840.113549.1.1.5", derNull)
	MLDSA44Sig      = newSigAlg("2.16.840.1.101.3.4.3.17", nil)
	MLDSA65Sig      = newSigAlg("2.16.840.1.101.3.4.3.18", nil)
	MLDSA87Sig      = newSigAlg("2.16.840.1.101.3.4.3.19", nil)
)

type family int

const (
	familySM2 family = iota + 1
	familyECDSA
	familyRSA
	familyMLDSA44
	familyMLDSA65
	familyMLDSA87
)

type sigAlgFacts struct {
	name   string
	family family
	hash   crypto.Hash // 0 for SM2 and ML-DSA
}

var sigAlgs = map[SigAlg]sigAlgFacts{
	SM2WithSM3:      {"SM2-SM3", familySM2, 0},
	SM2WithNull:     {"SM2-SM3", familySM2, 0},
	ECDSAWithSHA256: {"ECDSA-SHA256", familyECDSA, crypto.SHA256},
	ECDSAWithSHA384: {"ECDSA-SHA384", familyECDSA, crypto.SHA384},
	ECDSAWithSHA512: {"ECDSA-SHA512", familyECDSA, crypto.SHA512},
	RSAWithSHA256:   {"RSA-SHA256", familyRSA, crypto.SHA256},
	RSAWithSHA384:   {"RSA-SHA384", familyRSA, crypto.SHA384},
	RSAWithSHA512:   {"RSA-SHA512", familyRSA, crypto.SHA512},
	RSAWithSHA1:     {"RSA-SHA1", familyRSA, crypto.SHA1},
	MLDSA44Sig:      {"ML-DSA-44", familyMLDSA44, 0},
	MLDSA65Sig:      {"ML-DSA-65", familyMLDSA65, 0},
	MLDSA87Sig:      {"ML-DSA-87", familyMLDSA87, 0},

	// RFC 4055 §5: parameters MUST be accepted absent as well as NULL.
	newSigAlg("1.2.840.113549.1.1.11", nil): {"RSA-SHA256", familyRSA, crypto.SHA256},
	newSigAlg("1.2.840.113549.1.1.12", nil): {"RSA-SHA384", familyRSA, crypto.SHA384},
	newSigAlg("1.2.840.113549.1.1.13", nil): {"RSA-SHA512", familyRSA, crypto.SHA512},
}

func newSigAlg(oid string, params []byte) SigAlg {
	return SigAlg{string(tlv(tagSequence, mustOID(oid), params))}
}

// DER is the AlgorithmIdentifier. Nil/zero: nil for the zero value.
func (a SigAlg) DER() []byte {
	if a.der == "" {
		return nil
	}
	return []byte(a.der)
}

// String is a name such as SM2-SM3 or RSA-SHA256; the same with and without NULL parameters.
func (a SigAlg) String() string {
	if f, ok := sigAlgs[a]; ok {
		return f.name
	}
	return "unknown"
}

// IsSM2 reports whether this is SM2 with SM3, in either spelling.
func (a SigAlg) IsSM2() bool { return sigAlgs[a].family == familySM2 }

// ParseSigAlg reads an AlgorithmIdentifier.
//
// Errors: ErrMalformed for wrong parameters of a known algorithm, ErrUnsupported for any other algorithm.
func ParseSigAlg(algIDDER []byte) (SigAlg, error) {
	alg := SigAlg{string(algIDDER)}
	if _, ok := sigAlgs[alg]; ok {
		return alg, nil
	}
	body, err := sequence(algIDDER, "signature algorithm")
	if err != nil {
		return SigAlg{}, err
	}
	r := reader{b: body}
	_, oid := r.takeWhole(tagOID)
	if r.bad {
		return SigAlg{}, malformed("signature algorithm")
	}
	for known := range sigAlgs {
		if k := (reader{b: []byte(known.der)}); bytes.HasPrefix(k.take(tagSequence), oid) {
			return SigAlg{}, malformed("parameters of signature algorithm %s", known)
		}
	}
	return SigAlg{}, unsupported("signature algorithm")
}

// SigAlgFor chooses the algorithm a key signs with: SM2 with SM3, ECDSA with SHA-256 or SHA-384 by curve, RSA
// PKCS#1 v1.5 with SHA-256, ML-DSA with its own parameter set.
//
// Errors: ErrUnsupported for other keys.
func SigAlgFor(pub crypto.PublicKey) (SigAlg, error) {
	switch k := pub.(type) {
	case *gm.PublicKey:
		return SM2WithSM3, nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return ECDSAWithSHA256, nil
		case elliptic.P384():
			return ECDSAWithSHA384, nil
		}
	case *rsa.PublicKey:
		return RSAWithSHA256, nil
	case *MLDSAPublicKey:
		return k.set.sigAlg, nil
	}
	return SigAlg{}, unsupported("signing key %T", pub)
}
