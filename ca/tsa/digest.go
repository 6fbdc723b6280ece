package tsa

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/gm"
	"signet/ca/pki"
)

// digest is a hash that imprints are made with.
type digest struct {
	oid  string
	name string
	size int
	new  func() hash.Hash
}

const (
	oidSM3    = "1.2.156.10197.1.401"
	oidSHA256 = "2.16.840.1.101.3.4.2.1"
)

// digests are those in which nobody can find two things of one imprint. SHA-1 and MD5 are not.
var digests = []digest{
	{oidSM3, "SM3", 32, gm.NewSM3},
	{oidSHA256, "SHA-256", 32, sha256.New},
	{"2.16.840.1.101.3.4.2.2", "SHA-384", 48, sha512.New384},
	{"2.16.840.1.101.3.4.2.3", "SHA-512", 64, sha512.New},
}

func digestOf(oid string) (digest, bool) {
	for _, d := range digests {
		if d.oid == oid {
			return d, true
		}
	}
	return digest{}, false
}

func (d digest) sum(parts ...[]byte) []byte {
	h := d.new()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// addOID writes an object identifier that is known to be one: a constant, or checked by New.
func addOID(b *cryptobyte.Builder, dotted string) {
	der, err := pki.EncodeOID(dotted)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddBytes(der)
}

// addAlgorithm writes an AlgorithmIdentifier without parameters (RFC 5754 §2).
func addAlgorithm(b *cryptobyte.Builder, dotted string) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addOID(b, dotted) })
}

// readOID reads an object identifier as dotted text.
func readOID(in *cryptobyte.String, oid *string) bool {
	var body cryptobyte.String
	if !in.ReadASN1(&body, asn1.OBJECT_IDENTIFIER) {
		return false
	}
	dotted, err := pki.DecodeOID(body)
	*oid = dotted
	return err == nil
}

// readDigestAlgorithm reads the AlgorithmIdentifier of a hash: parameters absent or NULL.
func readDigestAlgorithm(in *cryptobyte.String, oid *string) bool {
	var alg cryptobyte.String
	if !in.ReadASN1(&alg, asn1.SEQUENCE) || !readOID(&alg, oid) {
		return false
	}
	if alg.Empty() {
		return true
	}
	var null cryptobyte.String
	return alg.ReadASN1(&null, asn1.NULL) && null.Empty() && alg.Empty()
}
