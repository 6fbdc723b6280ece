package tsa

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"signet/ca/cms"
	"signet/ca/pki"
)

// Token is a signed time stamp. Nothing in it is proved until Verify says so.
type Token struct {
	Info
	// Signed is the message around it.
	Signed *cms.SignedData
}

// What is wrong with a token.
var (
	ErrImprint     = errors.New("tsa: the time stamp is of something else")
	ErrCertificate = errors.New("tsa: the signature does not name its certificate")
	ErrNotTSA      = errors.New("tsa: the signer's certificate is not for time stamping")
	ErrNotValid    = errors.New("tsa: the signer's certificate was not valid at that time")
)

// ParseToken reads a TimeStampToken: a SignedData over a TSTInfo with one signer.
//
// Errors: those of cms.ParseSigned; another for content that is no time stamp.
func ParseToken(der []byte) (*Token, error) {
	s, err := cms.ParseSigned(der)
	if err != nil {
		return nil, fmt.Errorf("tsa: %w", err)
	}
	if s.ContentType != cms.ContentTypeTSTInfo || s.Detached || len(s.Signers) != 1 {
		return nil, errInfo
	}
	info, err := parseInfo(s.Content)
	if err != nil {
		return nil, err
	}
	return &Token{Info: *info, Signed: s}, nil
}

// Verify checks the signature and that its signer is a time stamper, named by the signature, whose certificate was valid then. Whether
// that certificate is trusted is the caller's to find out.
//
// Nil/zero: lookup may be nil; it finds the certificate of a token that does not carry it, as in cms.SignedData.Verify.
// Errors: those of cms; ErrCertificate, ErrNotTSA, ErrNotValid.
// Source: RFC 3161 §2.2 and §2.3.
func (t *Token) Verify(lookup func(issuerRaw, serial []byte) *pki.Certificate) (*pki.Certificate, error) {
	certs, err := t.Signed.Verify(nil, lookup)
	if err != nil {
		return nil, fmt.Errorf("tsa: %w", err)
	}
	cert := certs[0]
	switch {
	case !namesCertificate(t.Signed.Signers[0].SignedAttributes, cert):
		return nil, ErrCertificate
	case checkUsage(cert) != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotTSA, checkUsage(cert))
	case !cert.ValidAt(t.At):
		return nil, ErrNotValid
	}
	return cert, nil
}

// Covers reports whether the time stamp is of this message.
//
// Errors: ErrImprint, also for a digest that is not read here.
func (t *Token) Covers(message []byte) error {
	d, ok := digestOf(t.Digest)
	if !ok || subtle.ConstantTimeCompare(d.sum(message), t.Imprint) != 1 {
		return ErrImprint
	}
	return nil
}

// Answers reports whether the time stamp is the answer to a request: its imprint, its nonce, its policy.
//
// Errors: one that names the difference.
func (t *Token) Answers(r *Request) error {
	switch {
	case t.Digest != r.Digest || subtle.ConstantTimeCompare(t.Imprint, r.Imprint) != 1:
		return ErrImprint
	case !slices.Equal(t.Nonce, r.Nonce):
		return errors.New("tsa: the time stamp answers another request")
	case r.Policy != "" && t.Policy != r.Policy:
		return errors.New("tsa: the time stamp was made under another policy")
	}
	return nil
}

// checkUsage wants timeStamping, alone and critical, and a key that may sign.
func checkUsage(cert *pki.Certificate) error {
	ext := cert.Extension(pki.OIDExtKeyUsage)
	switch {
	case ext == nil || !slices.Equal(cert.EKU, []string{pki.EKUTimeStamping}):
		return errors.New("extended key usage is not timeStamping alone")
	case !ext.Critical:
		return errors.New("extended key usage is not critical")
	case cert.HasKeyUsage && cert.KeyUsage&pki.SigningUsage == 0:
		return errors.New("key may not sign")
	case cert.IsCA:
		return errors.New("certificate is a CA's")
	}
	return nil
}
