package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"

	"signet/ca/gm"
)

// Style is the family of content types and conventions a message is written in.
type Style int

const (
	// GMT0010 is PKCS#7 v1.5 with the content types of the 1.2.156.10197.6.1.4.2 arc (GM/T 0010, GB/T 35275).
	GMT0010 Style = iota
	// RFC5652 is CMS with the content types of PKCS#7.
	RFC5652
)

// String names the style as the constants do.
func (s Style) String() string {
	if s == RFC5652 {
		return "RFC5652"
	}
	return "GMT0010"
}

// arcs of the content types: data .1, signedData .2, envelopedData .3 in both.
const (
	arcGM   = "1.2.156.10197.6.1.4.2"
	arcPKCS = "1.2.840.113549.1.7"
)

func (s Style) arc() string {
	if s == RFC5652 {
		return arcPKCS
	}
	return arcGM
}

func (s Style) data() string      { return s.arc() + ".1" }
func (s Style) signed() string    { return s.arc() + ".2" }
func (s Style) enveloped() string { return s.arc() + ".3" }

// ContentTypeTSTInfo is the content type of a time stamp (RFC 3161 §2.4.2), the same in both styles.
const ContentTypeTSTInfo = "1.2.840.113549.1.9.16.1.4"

// Attribute types (RFC 5652 §11; RFC 3161 appendix A).
const (
	AttrContentType   = "1.2.840.113549.1.9.3"
	AttrMessageDigest = "1.2.840.113549.1.9.4"
	AttrSigningTime   = "1.2.840.113549.1.9.5"
	AttrTimeStamp     = "1.2.840.113549.1.9.16.2.14" // unsigned: a time-stamp token over the signature
)

const (
	oidSM3        = "1.2.156.10197.1.401"
	oidSM3NoKey   = "1.2.156.10197.1.401.1" // GM/T 0006: SM3 without key
	oidSHA256     = "2.16.840.1.101.3.4.2.1"
	oidSHA384     = "2.16.840.1.101.3.4.2.2"
	oidSHA512     = "2.16.840.1.101.3.4.2.3"
	oidSM2Sign    = "1.2.156.10197.1.301.1"
	oidSM2WithSM3 = "1.2.156.10197.1.501"
	oidSM2Encrypt = "1.2.156.10197.1.301.3"
	oidRSA        = "1.2.840.113549.1.1.1"
	oidRSAPSS     = "1.2.840.113549.1.1.10"
	oidRSAOAEP    = "1.2.840.113549.1.1.7"
	oidMGF1       = "1.2.840.113549.1.1.8"
	oidPSpecified = "1.2.840.113549.1.1.9"
)

// sm2Signatures are the identifiers under which SM2 signatures with SM3 are seen: GM/T 0010 and BJCA, GmSSL
// and certificates, BJCA again, and the bare algorithm.
var sm2Signatures = []string{oidSM2Sign, oidSM2WithSM3, "1.2.156.10197.1.301.5", "1.2.156.10197.1.301"}

// digest is a hash a message may name.
type digest struct {
	name  string
	id    string
	hash  crypto.Hash // 0 for SM3, which crypto does not list
	new   func() hash.Hash
	rsa   string // RSA PKCS#1 v1.5 with this hash (RFC 8017)
	ecdsa string // ECDSA with this hash (RFC 5758)
}

var (
	digestSM3    = digest{name: "SM3", id: oidSM3, new: gm.NewSM3}
	digestSHA256 = digest{"SHA-256", oidSHA256, crypto.SHA256, sha256.New, "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2"}
	digestSHA384 = digest{"SHA-384", oidSHA384, crypto.SHA384, sha512.New384, "1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3"}
	digestSHA512 = digest{"SHA-512", oidSHA512, crypto.SHA512, sha512.New, "1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4"}
)

// digestSHA1 serves OAEP only, where it is the default (RFC 4055 §4.1); no signature is read with it.
var digestSHA1 = digest{name: "SHA-1", id: "1.3.14.3.2.26", hash: crypto.SHA1, new: sha1.New}

// short is the name as signature algorithms spell it: SHA256.
func (d digest) short() string { return strings.ReplaceAll(d.name, "-", "") }

func (d digest) sum(data []byte) []byte {
	h := d.new()
	h.Write(data)
	return h.Sum(nil)
}

// digestOf reads a digest AlgorithmIdentifier.
func digestOf(a algorithm) (digest, error) {
	if !a.plain() {
		return digest{}, fmt.Errorf("%w: parameters of digest %s", ErrUnsupported, a.id)
	}
	switch a.id {
	case oidSM3, oidSM3NoKey:
		return digestSM3, nil
	case oidSHA256:
		return digestSHA256, nil
	case oidSHA384:
		return digestSHA384, nil
	case oidSHA512:
		return digestSHA512, nil
	}
	return digest{}, fmt.Errorf("%w: digest %s", ErrUnsupported, a.id)
}

// digestFor is the digest to sign with a key of this kind; it goes with pki.SigAlgFor.
func digestFor(pub crypto.PublicKey) (digest, error) {
	switch k := pub.(type) {
	case *gm.PublicKey:
		return digestSM3, nil
	case *rsa.PublicKey:
		return digestSHA256, nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return digestSHA256, nil
		case elliptic.P384():
			return digestSHA384, nil
		}
	}
	return digest{}, fmt.Errorf("%w: key of type %T", ErrUnsupported, pub)
}

// signatureNode writes the signature AlgorithmIdentifier for a key of this kind. RSA is named by its key
// algorithm alone, as OpenSSL and PKCS#7 readers expect; SM2 by its style's identifier, parameters absent.
func signatureNode(pub crypto.PublicKey, d digest, style Style) node {
	switch pub.(type) {
	case *gm.PublicKey:
		if style == RFC5652 {
			return seq(oid(oidSM2WithSM3))
		}
		return seq(oid(oidSM2Sign))
	case *rsa.PublicKey:
		return seq(oid(oidRSA), null())
	}
	return seq(oid(d.ecdsa))
}

// digestNode writes the digest AlgorithmIdentifier, parameters absent (RFC 5754 §2).
func digestNode(d digest) node { return seq(oid(d.id)) }
