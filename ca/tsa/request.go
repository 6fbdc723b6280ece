package tsa

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Request asks for a time stamp.
//
// Shape: Digest is the dotted identifier of the hash, Imprint its value; Nonce the contents of an INTEGER, most significant byte first.
// Nil/zero: Policy "" = the authority's own choice; Nonce nil = none.
// Source: RFC 3161 §2.4.1.
type Request struct {
	Digest  string
	Imprint []byte
	Policy  string
	Nonce   []byte
	// CertReq asks for the authority's certificates in the token.
	CertReq bool

	extended bool // has extensions
}

const (
	maxRequest = 8 << 10
	maxNonce   = 64
)

// NewRequest makes a request for a message, with a random nonce, that asks for certificates.
//
// Shape: digest is one of SM3, SHA-256, SHA-384, SHA-512.
func NewRequest(random io.Reader, digest string, message []byte) (*Request, error) {
	if random == nil {
		random = rand.Reader
	}
	for _, d := range digests {
		if d.name != digest {
			continue
		}
		nonce := make([]byte, 16)
		if _, err := io.ReadFull(random, nonce); err != nil {
			return nil, err
		}
		nonce[0] = nonce[0]&0x7f | 0x40 // positive, and in its shortest form
		return &Request{Digest: d.oid, Imprint: d.sum(message), Nonce: nonce, CertReq: true}, nil
	}
	return nil, fmt.Errorf("tsa: unknown digest %q", digest)
}

// DER writes the request.
func (r *Request) DER() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addImprint(b, r.Digest, r.Imprint)
		if r.Policy != "" {
			addOID(b, r.Policy)
		}
		if r.Nonce != nil {
			b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(r.Nonce) })
		}
		if r.CertReq {
			b.AddASN1Boolean(true)
		}
	})
	return b.Bytes()
}

func addImprint(b *cryptobyte.Builder, digest string, imprint []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, digest)
		b.AddASN1OctetString(imprint)
	})
}

func readImprint(in *cryptobyte.String, digest *string, imprint *[]byte) bool {
	var body, value cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !readDigestAlgorithm(&body, digest) || !body.ReadASN1(&value, asn1.OCTET_STRING) || !body.Empty() {
		return false
	}
	*imprint = value
	return true
}

var errRequest = errors.New("tsa: malformed request")

// ParseRequest reads a request. It does not say whether the request can be met.
//
// Errors: one, for whatever is not a version 1 TimeStampReq in DER.
func ParseRequest(der []byte) (*Request, error) {
	in := cryptobyte.String(der)
	var body cryptobyte.String
	var version int64
	r := &Request{}
	if len(der) > maxRequest || !in.ReadASN1(&body, asn1.SEQUENCE) || !in.Empty() || !body.ReadASN1Integer(&version) || version != 1 ||
		!readImprint(&body, &r.Digest, &r.Imprint) {
		return nil, errRequest
	}
	if body.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) && !readOID(&body, &r.Policy) {
		return nil, errRequest
	}
	if body.PeekASN1Tag(asn1.INTEGER) && !readNonce(&body, &r.Nonce) {
		return nil, errRequest
	}
	if body.PeekASN1Tag(asn1.BOOLEAN) && !body.ReadASN1Boolean(&r.CertReq) { // FALSE, which DER leaves out, is let pass
		return nil, errRequest
	}
	var extensions cryptobyte.String
	if !body.ReadOptionalASN1(&extensions, &r.extended, asn1.Tag(0).ContextSpecific().Constructed()) || !body.Empty() {
		return nil, errRequest
	}
	return r, nil
}

// readNonce takes an INTEGER in its shortest form, of whatever sign.
func readNonce(in *cryptobyte.String, nonce *[]byte) bool {
	again := *in
	var n big.Int
	var body cryptobyte.String
	if !again.ReadASN1Integer(&n) || !in.ReadASN1(&body, asn1.INTEGER) || len(body) > maxNonce {
		return false
	}
	*nonce = body
	return true
}
