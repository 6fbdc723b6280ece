package pki

import (
	"bytes"
	"crypto"
	"fmt"
	"io"
)

// CertificateRequest is a PKCS#10 request as it was read. The byte slices point into Raw.
//
// Concurrency: immutable; do not write to its slices.
type CertificateRequest struct {
	Raw    []byte
	RawCRI []byte // CertificationRequestInfo: the signed bytes

	Subject    Name
	SPKI       []byte
	PublicKey  crypto.PublicKey
	Attributes []Attribute
	Extensions []Extension // asked for by extensionRequest
	DNSNames   []string    // of a subjectAltName among them
	SigAlg     SigAlg
	Signature  []byte
}

// Attribute is one attribute of a request.
//
// Shape: Values are whole DER elements.
type Attribute struct {
	OID    string
	Values [][]byte
}

// ParseCertificateRequest reads a PKCS#10 request. It does not check the signature: CheckSignature does.
//
// Errors: ErrMalformed; ErrUnsupported for unknown key or signature algorithms.
// Source: RFC 2986 §4.
func ParseCertificateRequest(der []byte) (*CertificateRequest, error) {
	if len(der) > maxCertSize {
		return nil, malformed("request of %d bytes", len(der))
	}
	raw := bytes.Clone(der)
	cri, body, alg, sig, err := splitSigned(raw, "certificate request")
	if err != nil {
		return nil, err
	}
	q := &CertificateRequest{Raw: raw, RawCRI: cri, SigAlg: alg, Signature: sig}
	r := reader{b: body}
	version := r.take(tagInteger)
	_, subject := r.takeWhole(tagSequence)
	_, q.SPKI = r.takeWhole(tagSequence)
	attrs, _ := r.optional(context(0, true)) // old writers leave the empty set out
	if !r.done() || !bytes.Equal(version, []byte{0}) {
		return nil, malformed("certificate request")
	}
	if q.Subject, err = ParseName(subject); err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	if q.PublicKey, err = ParsePublicKey(q.SPKI); err != nil {
		return nil, err
	}
	if err := q.parseAttributes(attrs); err != nil {
		return nil, err
	}
	return q, nil
}

func (q *CertificateRequest) parseAttributes(body []byte) error {
	seen := map[string]bool{}
	r := reader{b: body}
	for !r.empty() {
		a := reader{b: r.take(tagSequence)}
		attr := Attribute{OID: a.oid()}
		values := reader{b: a.take(tagSet)}
		for !values.empty() && !values.bad {
			_, _, whole := values.next()
			attr.Values = append(attr.Values, whole)
		}
		if r.bad || values.bad || !a.done() || seen[attr.OID] {
			return malformed("request attribute")
		}
		seen[attr.OID] = true
		q.Attributes = append(q.Attributes, attr)
		if attr.OID == oidExtensionRequest {
			if err := q.parseExtensionRequest(attr.Values); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *CertificateRequest) parseExtensionRequest(values [][]byte) error {
	if len(values) != 1 {
		return malformed("extension request")
	}
	r := reader{b: values[0]}
	list := r.take(tagSequence)
	if !r.done() {
		return malformed("extension request")
	}
	if len(list) == 0 {
		return nil
	}
	exts, err := parseExtensions(list)
	if err != nil {
		return err
	}
	q.Extensions = exts
	for _, e := range exts {
		if e.OID != OIDSubjectAltName {
			continue
		}
		var asked Certificate // only to read the names the way a certificate's are read
		if err := asked.readExtension(e); err != nil {
			return err
		}
		q.DNSNames = asked.DNSNames
	}
	return nil
}

// CheckSignature checks that the requester holds the private key.
//
// Errors: ErrSignature, ErrUnsupported.
func (q *CertificateRequest) CheckSignature() error {
	return Verify(q.PublicKey, q.SigAlg, q.RawCRI, q.Signature)
}

// RequestInfo makes the bytes that the requester signs, for keys that live elsewhere; AssembleRequest completes them.
//
// Errors: ErrMalformed, ErrUnsupported.
func RequestInfo(subject Name, spkiDER []byte, extensions ...Extension) ([]byte, error) {
	if subject.der == "" {
		return nil, malformed("no subject")
	}
	if _, err := ParsePublicKey(spkiDER); err != nil {
		return nil, err
	}
	var attrs []byte
	if len(extensions) > 0 {
		list, err := extensionsDER(extensions)
		if err != nil {
			return nil, err
		}
		attrs = tlv(tagSequence, mustOID(oidExtensionRequest), tlv(tagSet, list))
	}
	return tlv(tagSequence, derUint(nil), subject.DER(), spkiDER, tlv(context(0, true), attrs)), nil
}

// AssembleRequest joins request bytes, algorithm and signature, and checks the whole.
//
// Errors: as ParseCertificateRequest and CheckSignature.
func AssembleRequest(cri []byte, alg SigAlg, sig []byte) ([]byte, error) {
	der := signed(cri, alg, sig)
	q, err := ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	if err := q.CheckSignature(); err != nil {
		return nil, err
	}
	return der, nil
}

// CreateCertificateRequest makes a request signed by key, asking for the extensions given.
//
// Errors: as SigAlgFor, RequestInfo and Sign.
func CreateCertificateRequest(rand io.Reader, key crypto.Signer, subject Name, extensions ...Extension) ([]byte, error) {
	alg, err := SigAlgFor(key.Public())
	if err != nil {
		return nil, err
	}
	spki, err := MarshalPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	cri, err := RequestInfo(subject, spki, extensions...)
	if err != nil {
		return nil, err
	}
	sig, err := Sign(rand, key, alg, cri)
	if err != nil {
		return nil, fmt.Errorf("signing request: %w", err)
	}
	return signed(cri, alg, sig), nil
}
