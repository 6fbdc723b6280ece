package cms

import (
	"crypto"
	"errors"
	"fmt"

	"signet/ca/gm"
	"signet/ca/pki"
)

// CSRResponse answers an SM2 certificate request: the certificate of the key that signed it and, where the applicant gets a pair, the
// encryption key that was made for them with its certificate.
//
// Shape: the holder's certificate first in each list, CAs after it.
// Nil/zero: Key and Encrypt both nil = no encryption pair.
// Source: GM/T 0092-2020.
type CSRResponse struct {
	Sign, Encrypt []*pki.Certificate
	Key           *EnvelopedKey // to the key of Sign[0]
}

// check holds a response to what its receiver will check.
func (c *CSRResponse) check() error {
	switch {
	case len(c.Sign) == 0:
		return errors.New("no signing certificate")
	case (c.Key == nil) != (len(c.Encrypt) == 0):
		return errors.New("encryption key and certificate come together")
	case c.Key == nil:
		return nil
	}
	if _, ok := c.Sign[0].PublicKey.(*gm.PublicKey); !ok {
		return fmt.Errorf("%w: a key is enveloped to an SM2 signing key only", ErrUnsupported)
	}
	if c.Key.PublicKey == nil || !samePublicKey(c.Encrypt[0].PublicKey, c.Key.PublicKey) {
		return fmt.Errorf("encryption certificate: %w", ErrKeyMismatch)
	}
	return nil
}

// DER writes the response: [0] EXPLICIT, [1] IMPLICIT, certificates in the order given, since readers take the first for the holder's.
//
// Errors: text for a response that lacks a part; ErrKeyMismatch if key and encryption certificate do not belong together.
func (c *CSRResponse) DER() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("writing certificate response: %w", err)
	}
	parts := []node{certificateSet(tagSet, c.Sign)}
	if c.Key != nil {
		key := c.Key.DER()
		if key == nil {
			return nil, errors.New("writing certificate response: key envelope is incomplete")
		}
		parts = append(parts, wrap(tagContext0, encoded(key)), certificateSet(tagContext1, c.Encrypt))
	}
	return seq(parts...).der(), nil
}

func certificateSet(tag byte, certs []*pki.Certificate) node {
	n := node{tag: tag}
	for _, c := range certs {
		n.kids = append(n.kids, encoded(c.Raw))
	}
	return n
}

// Open takes the encryption key out with the signing key.
//
// Errors: ErrDecrypt, ErrKeyMismatch; text for a response without a key.
func (c *CSRResponse) Open(signing crypto.Decrypter) (*gm.PrivateKey, error) {
	if c.Key == nil {
		return nil, errors.New("opening certificate response: it has no encryption key")
	}
	return c.Key.Unwrap(signing)
}

// ParseCSRResponse reads a response, with the deviations seen in the field: [0] IMPLICIT, [1] EXPLICIT, signing certificates without the SET
// around them or in a SEQUENCE, and a CA's certificate before the holder's.
//
// Errors: ErrMalformed, ErrBER, ErrUnsupported, ErrKeyMismatch; never panics.
func ParseCSRResponse(der []byte) (*CSRResponse, error) {
	c := &CSRResponse{}
	r := newReader(der)
	s := r.into(tagSequence, "certificate response")
	r.end("certificate response")
	c.Sign = signCertificates(s)
	if s.at(tagContext0) {
		c.Key = keyIn(s)
	}
	if s.at(tagContext1) {
		set := s.into(tagContext1, "encryption certificates")
		if set.at(tagSet) {
			set = set.into(tagSet, "encryption certificates")
		}
		c.Encrypt = certificatesIn(set, "encryption certificates")
	}
	s.end("certificate response")
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("parsing certificate response: %w", err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("parsing certificate response: %w: %w", ErrMalformed, err)
	}
	return c, nil
}

func signCertificates(s *reader) []*pki.Certificate {
	const what = "signing certificates"
	if s.at(tagSet) {
		return certificatesIn(s.into(tagSet, what), what)
	}
	body, full := s.peekSequence(what)
	if cert, err := pki.ParseCertificate(full); err == nil {
		return []*pki.Certificate{cert}
	}
	return certificatesIn(&reader{in: body, fault: s.fault}, what)
}

// peekSequence takes a SEQUENCE both with and without its header.
func (r *reader) peekSequence(what string) (body, full []byte) {
	if !r.at(tagSequence) {
		r.fail(ErrMalformed, what)
		return nil, nil
	}
	_, body, full = r.next(what)
	return body, full
}

// keyIn reads the [0], whether it holds a SEQUENCE or is one.
func keyIn(s *reader) *EnvelopedKey {
	body := s.body(tagContext0, "key envelope")
	if s.err() != nil {
		return nil
	}
	e, err := ParseEnvelopedKey(body)
	if err != nil {
		var implicit error
		if e, implicit = ParseEnvelopedKey(leaf(tagSequence, body).der()); implicit == nil {
			err = nil
		}
	}
	if err != nil {
		s.fail(err, "encryption key")
	}
	return e
}

// certificatesIn reads certificates, the holder's first: it is the one that is no CA's.
func certificatesIn(r *reader, what string) []*pki.Certificate {
	var list []*pki.Certificate
	for r.more() {
		if len(list) == maxCertificates {
			r.fail(ErrMalformed, what+": too many")
			return nil
		}
		_, _, full := r.next(what)
		cert, err := pki.ParseCertificate(full)
		if err != nil {
			r.fail(fmt.Errorf("%w: %w", ErrMalformed, err), what)
			return nil
		}
		list = append(list, cert)
	}
	for i, c := range list {
		if !c.IsCA {
			list[0], list[i] = list[i], list[0]
			break
		}
	}
	return list
}
