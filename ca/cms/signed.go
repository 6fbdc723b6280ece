package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/subtle"
	"fmt"
	"time"

	"signet/ca/gm"
	"signet/ca/pki"
)

// SignedData is a parsed message; nothing in it is verified until Verify says so.
//
// Concurrency: Verify writes to Signers; otherwise read-only.
type SignedData struct {
	Content      []byte // the encapsulated content; nil if Detached
	ContentType  string // of the content, dotted
	Detached     bool
	Certificates []*pki.Certificate // in the order of the message
	Unread       [][]byte           // certificates pki cannot read, and other choices, as they stand
	CRLs         [][]byte           // as they stand
	Signers      []SignerInfo
	Style        Style
}

// SignerInfo is one signature of a message.
type SignerInfo struct {
	Certificate        *pki.Certificate // nil if not included; set by Verify to the one that verified
	IssuerRaw, Serial  []byte           // of the certificate: Name as DER, serial unsigned big-endian
	SKI                []byte           // instead of the two, in version 3
	SigningTime        time.Time        // what the signer claims; zero = claimed nothing
	DigestAlg          string           // SM3, SHA-256, SHA-384, SHA-512
	SigAlg             string           // SM2-SM3, ECDSA-SHA256, RSA-SHA256, RSA-PSS-SHA256 …
	ZDigest            bool             // set by Verify: the message digest was SM3(ZA‖content), which no standard says
	Signature          []byte           // what a time-stamp token of this signature covers
	SignedAttributes   []Attribute      // nil if the content itself is signed
	UnsignedAttributes []Attribute      // proved by nothing

	scheme   sigScheme
	facts    signedFacts
	toVerify []byte // SET OF attributes in DER; nil if the content itself is signed
}

const (
	maxSigners      = 64
	maxCertificates = 256
	maxNameSize     = 8192 // of an issuer; real ones have a few hundred bytes
	maxNamesakes    = 4    // certificates of one name that are tried, and recipients of one name
)

// ParseSigned reads a SignedData of either style.
//
// Errors: ErrMalformed, ErrBER, ErrUnsupported.
// Source: GM/T 0010 §8; RFC 5652 §5; RFC 2315 §9.
func ParseSigned(der []byte) (*SignedData, error) {
	s := &SignedData{}
	r := newReader(der)
	info := r.into(tagSequence, "message")
	r.end("message")
	switch id := info.oid("content type"); {
	case info.err() != nil:
	case id == GMT0010.signed():
		s.Style = GMT0010
	case id == RFC5652.signed():
		s.Style = RFC5652
	default:
		info.fail(fmt.Errorf("%w: content type %s is not signed data", ErrMalformed, id), "message")
	}
	explicit := info.into(tagContext0, "signed data")
	info.end("message")
	s.read(explicit.into(tagSequence, "signed data"))
	explicit.end("signed data")
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("parsing signed message: %w", err)
	}
	return s, nil
}

func (s *SignedData) read(r *reader) {
	r.small("signed data version", 5)
	digests := r.into(tagSet, "digest algorithms")
	for digests.more() { // a hint for one-pass readers; each signer names its own
		digests.algorithm("digest algorithm")
	}
	s.readContent(r.into(tagSequence, "content"))
	if r.at(tagContext0) {
		s.readCertificates(r.into(tagContext0, "certificates"))
	}
	if r.at(tagContext1) {
		for crls := r.into(tagContext1, "CRLs"); crls.more(); {
			_, _, full := crls.next("CRL")
			s.CRLs = append(s.CRLs, full)
		}
	}
	signers := r.into(tagSet, "signers")
	for signers.more() {
		if len(s.Signers) == maxSigners {
			r.fail(ErrMalformed, "signers: too many")
			break
		}
		s.Signers = append(s.Signers, s.readSigner(signers.into(tagSequence, "signer")))
	}
	r.end("signed data")
}

func (s *SignedData) readContent(r *reader) {
	s.ContentType = r.oid("content type of the content")
	if !r.more() {
		s.Detached = true
		return
	}
	explicit := r.into(tagContext0, "content")
	s.Content = explicit.body(tagOctetString, "content")
	explicit.end("content")
	r.end("content")
}

func (s *SignedData) readCertificates(r *reader) {
	for n := 0; r.more(); n++ {
		if n == maxCertificates {
			r.fail(ErrMalformed, "certificates: too many")
			return
		}
		tag, _, full := r.next("certificate")
		if r.err() != nil {
			return
		}
		cert, err := pki.ParseCertificate(full)
		if tag != tagSequence || err != nil {
			s.Unread = append(s.Unread, full)
			continue
		}
		s.Certificates = append(s.Certificates, cert)
	}
}

func (s *SignedData) readSigner(r *reader) SignerInfo {
	var si SignerInfo
	r.small("signer version", 3)
	si.IssuerRaw, si.Serial, si.SKI = readIdentifier(r, "signer")
	digestAlg := r.algorithm("digest algorithm")
	var attrs []byte
	if r.at(tagContext0) {
		attrs = r.body(tagContext0, "signed attributes")
	}
	sigAlg := r.algorithm("signature algorithm")
	si.Signature = r.body(tagOctetString, "signature")
	if r.at(tagContext1) {
		si.UnsignedAttributes = unsignedAttributes(r.into(tagContext1, "unsigned attributes"))
	}
	r.end("signer")
	if r.err() == nil {
		if err := si.resolve(digestAlg, sigAlg, attrs); err != nil {
			r.fail(err, "signer")
		}
	}
	if r.err() == nil {
		if c := s.certificatesOf(si); len(c) > 0 {
			si.Certificate = c[0]
		}
	}
	return si
}

// readIdentifier reads SignerIdentifier and RecipientIdentifier: issuer and serial, or [0] key identifier,
// which is IMPLICIT in CMS; CFCA is also seen to wrap the OCTET STRING.
func readIdentifier(r *reader, what string) (issuer, serial, ski []byte) {
	switch {
	case r.at(tagImplicit0):
		ski = r.body(tagImplicit0, what+" key identifier")
	case r.at(tagContext0):
		explicit := r.into(tagContext0, what+" key identifier")
		ski = explicit.body(tagOctetString, what+" key identifier")
		explicit.end(what + " key identifier")
	default:
		s := r.into(tagSequence, what+" issuer and serial")
		issuer = s.raw(tagSequence, what+" issuer")
		serial = trimZeros(s.integer(what + " serial"))
		s.end(what + " issuer and serial")
		if len(issuer) > maxNameSize {
			r.fail(ErrMalformed, what+" issuer: too long")
		}
		return issuer, serial, nil
	}
	if len(ski) == 0 {
		r.fail(ErrMalformed, what+" key identifier")
	}
	return nil, nil, ski
}

func (si *SignerInfo) resolve(digestAlg, sigAlg algorithm, attrs []byte) error {
	d, err := digestOf(digestAlg)
	if err != nil {
		return err
	}
	if si.scheme, err = schemeOf(sigAlg, d); err != nil {
		return err
	}
	si.DigestAlg, si.SigAlg = d.name, si.scheme.name
	if attrs == nil {
		return nil
	}
	r := newReader(attrs)
	si.SignedAttributes = attributes(r, "signed attributes")
	if r.err() != nil {
		return r.err()
	}
	if si.facts, err = factsOf(si.SignedAttributes); err != nil {
		return err
	}
	si.SigningTime = si.facts.signingTime
	si.toVerify = resorted(attrs)
	return nil
}

// resorted is the SET OF in DER order that the signature covers, whatever order the message has.
func resorted(attrs []byte) []byte {
	var list []node
	for r := newReader(attrs); r.more(); {
		list = append(list, encoded(r.raw(tagSequence, "attribute")))
	}
	return setOf(tagSet, list...).der()
}

// Verify checks every signer of the message and returns their certificates in the order of Signers. It says
// who signed what; the caller decides whether those certificates count.
//
// lookup finds a certificate that the message does not carry, nil if it cannot; for a signer named by key
// identifier it is called with a nil issuer and the identifier.
//
// Nil/zero: detached nil for an attached message (else it must equal the content); lookup may be nil. The
// content of a detached message may be empty but not nil.
// Errors: the first signer's that fails: ErrNoSigner, ErrNoContent, ErrNoCertificate, ErrContentType,
// ErrDigest, ErrSignature.
func (s *SignedData) Verify(detached []byte, lookup func(issuerRaw, serial []byte) *pki.Certificate) ([]*pki.Certificate, error) {
	if len(s.Signers) == 0 {
		return nil, fmt.Errorf("verifying message: %w", ErrNoSigner)
	}
	content, err := s.contentToVerify(detached)
	if err != nil {
		return nil, fmt.Errorf("verifying message: %w", err)
	}
	var certs []*pki.Certificate
	for i := range s.Signers {
		si := &s.Signers[i]
		if err := s.verifySigner(si, content, lookup); err != nil {
			return nil, fmt.Errorf("verifying signer %d of %d: %w", i+1, len(s.Signers), err)
		}
		certs = append(certs, si.Certificate)
	}
	return certs, nil
}

func (s *SignedData) contentToVerify(detached []byte) ([]byte, error) {
	switch {
	case !s.Detached && detached != nil && !bytes.Equal(detached, s.Content):
		return nil, fmt.Errorf("%w: the message carries other content", ErrDigest)
	case !s.Detached:
		return s.Content, nil
	case detached == nil:
		return nil, ErrNoContent
	}
	return detached, nil
}

func (s *SignedData) verifySigner(si *SignerInfo, content []byte, lookup func(issuerRaw, serial []byte) *pki.Certificate) error {
	candidates := s.certificatesOf(*si)
	if lookup != nil {
		name := si.Serial
		if si.SKI != nil {
			name = si.SKI
		}
		if c := lookup(si.IssuerRaw, name); c != nil {
			candidates = append(candidates, c)
		}
	}
	if len(candidates) == 0 {
		return ErrNoCertificate
	}
	var first error
	for _, c := range candidates { // anyone can put a second certificate of the same name before the real one
		z, err := si.verifyBy(c, s.ContentType, content)
		if err == nil {
			si.Certificate, si.ZDigest = c, z
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// verifyBy checks one signer against one certificate; z reports the ZA form of the message digest.
func (si *SignerInfo) verifyBy(cert *pki.Certificate, contentType string, content []byte) (z bool, err error) {
	toVerify := content
	if si.toVerify != nil {
		if si.facts.contentType != contentType {
			return false, ErrContentType
		}
		if z, err = si.checkDigest(cert, content); err != nil {
			return false, err
		}
		toVerify = si.toVerify
	} else if looksLikeAttributes(content) {
		return false, fmt.Errorf("%w: content is a set of signed attributes", ErrSignature)
	}
	if !si.scheme.check(cert.PublicKey, toVerify, si.Signature) {
		return false, ErrSignature
	}
	return z, nil
}

func (si *SignerInfo) checkDigest(cert *pki.Certificate, content []byte) (z bool, err error) {
	if subtle.ConstantTimeCompare(si.facts.messageDigest, si.scheme.digest.sum(content)) == 1 {
		return false, nil
	}
	if k, ok := cert.PublicKey.(*gm.PublicKey); ok && bytes.Equal(si.facts.messageDigest, k.Digest(nil, content)) {
		return true, nil
	}
	return false, ErrDigest
}

// certificatesOf are the certificates of the message that a signer names, a few at most.
func (s *SignedData) certificatesOf(si SignerInfo) []*pki.Certificate {
	var found []*pki.Certificate
	named := naming(si.IssuerRaw, si.Serial, si.SKI)
	for _, c := range s.Certificates {
		if len(found) < maxNamesakes && named(c) {
			found = append(found, c)
		}
	}
	return found
}

// naming says of a certificate whether issuer and serial, or the key identifier, are its own. The issuer is
// compared as a name, since some writers encode it anew instead of copying it.
func naming(issuer, serial, ski []byte) func(*pki.Certificate) bool {
	if ski != nil {
		return func(c *pki.Certificate) bool {
			return bytes.Equal(ski, c.SKI) || bytes.Equal(ski, pki.KeyID(c.PublicKey))
		}
	}
	name, err := pki.ParseName(issuer)
	return func(c *pki.Certificate) bool {
		return bytes.Equal(serial, trimZeros(c.Serial)) &&
			(bytes.Equal(issuer, c.Issuer.DER()) || err == nil && name.Equal(c.Issuer))
	}
}

// trimZeros brings serials to one form; a zero serial becomes a single zero byte.
func trimZeros(serial []byte) []byte {
	for len(serial) > 1 && serial[0] == 0 {
		serial = serial[1:]
	}
	if len(serial) == 0 {
		return []byte{0}
	}
	return serial
}

func familyOf(pub crypto.PublicKey) string {
	switch pub.(type) {
	case *gm.PublicKey:
		return "SM2"
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "ECDSA"
	}
	return ""
}

func samePublicKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
