package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"slices"

	"signet/ca/gm"
)

// sigScheme is a signature algorithm as a message names it, resolved against the digest it names.
type sigScheme struct {
	name   string
	family string // "SM2", "RSA", "ECDSA", "RSA-PSS"
	digest digest
	salt   int // RSA-PSS only
}

// schemeOf reads a signature AlgorithmIdentifier. The hash inside it, where it names one, must be the message
// digest: a message that hashes content and attributes differently is refused.
func schemeOf(a algorithm, d digest) (sigScheme, error) {
	switch {
	case a.id == oidRSAPSS:
		return pssOf(a, d)
	case !a.plain():
		return sigScheme{}, fmt.Errorf("%w: parameters of signature %s", ErrUnsupported, a.id)
	case slices.Contains(sm2Signatures, a.id) && d.id == oidSM3:
		return sigScheme{"SM2-SM3", "SM2", d, 0}, nil
	case (a.id == oidRSA || a.id == d.rsa) && d.hash != 0:
		return sigScheme{"RSA-" + d.short(), "RSA", d, 0}, nil
	case a.id == d.ecdsa && d.hash != 0:
		return sigScheme{"ECDSA-" + d.short(), "ECDSA", d, 0}, nil
	}
	return sigScheme{}, fmt.Errorf("%w: signature %s with %s", ErrUnsupported, a.id, d.name)
}

// pssOf reads RSASSA-PSS-params (RFC 4055 §3.1): hash and MGF1 hash must both be the message digest. A salt of no bytes is refused: to crypto/rsa
// the length 0 means "any".
func pssOf(a algorithm, d digest) (sigScheme, error) {
	r := newReader(a.params)
	p := r.into(tagSequence, "RSASSA-PSS parameters")
	hash := p.into(tagContext0, "PSS hash")
	h := hash.algorithm("PSS hash")
	hash.end("PSS hash")
	mgf := p.into(tagContext1, "PSS mask generation")
	m := mgf.algorithm("PSS mask generation")
	mgf.end("PSS mask generation")
	salt := 20 // the default of RFC 4055
	if p.at(tagContext2) {
		s := p.into(tagContext2, "PSS salt length")
		salt = s.small("PSS salt length", 512)
		s.end("PSS salt length")
	}
	p.end("RSASSA-PSS parameters")
	r.end("RSASSA-PSS parameters")
	if r.err() != nil {
		return sigScheme{}, r.err()
	}
	inner := newReader(m.params)
	mh := inner.algorithm("PSS mask hash")
	inner.end("PSS mask hash")
	if inner.err() != nil || m.id != oidMGF1 || h.id != d.id || mh.id != d.id || !h.plain() || !mh.plain() || d.hash == 0 || salt == 0 {
		return sigScheme{}, fmt.Errorf("%w: RSASSA-PSS parameters", ErrUnsupported)
	}
	return sigScheme{"RSA-PSS-" + d.short(), "RSA-PSS", d, salt}, nil
}

// check says whether sig is a signature over msg by pub under this scheme.
func (s sigScheme) check(pub crypto.PublicKey, msg, sig []byte) bool {
	switch k := pub.(type) {
	case *gm.PublicKey:
		return s.family == "SM2" && k.Verify(k.Digest(nil, msg), sig)
	case *ecdsa.PublicKey:
		return s.family == "ECDSA" && ecdsa.VerifyASN1(k, s.digest.sum(msg), sig)
	case *rsa.PublicKey:
		switch s.family {
		case "RSA":
			return rsa.VerifyPKCS1v15(k, s.digest.hash, s.digest.sum(msg), sig) == nil
		case "RSA-PSS":
			o := &rsa.PSSOptions{SaltLength: s.salt, Hash: s.digest.hash}
			return rsa.VerifyPSS(k, s.digest.hash, s.digest.sum(msg), sig, o) == nil
		}
	}
	return false
}
