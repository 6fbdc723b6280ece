package pki

import (
	"bytes"
	"time"
)

// Template is what a certificate will say. Everything is required except Subject's attributes and Extensions.
//
// Shape: Serial unsigned, big-endian; times are cut to whole seconds UTC; SPKI is DER; the extensions are written exactly
// as given, in that order.
type Template struct {
	Serial     []byte
	Issuer     Name
	Subject    Name
	NotBefore  time.Time
	NotAfter   time.Time
	SPKI       []byte
	Extensions []Extension
	SigAlg     SigAlg
}

const maxSerial = 20 // octets, RFC 5280 §4.1.2.2

// TBS makes the to-be-signed bytes of a version 3 certificate. The same template always gives the same bytes.
//
// Errors: ErrMalformed for a missing or impossible field; ErrUnsupported for a key that cannot be read.
func (t Template) TBS() ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	notBefore, err := derTime(t.NotBefore)
	if err != nil {
		return nil, err
	}
	notAfter, err := derTime(t.NotAfter)
	if err != nil {
		return nil, err
	}
	var extensions []byte
	if len(t.Extensions) > 0 {
		list, err := extensionsDER(t.Extensions)
		if err != nil {
			return nil, err
		}
		extensions = tlv(context(3, true), list)
	}
	return tlv(tagSequence,
		tlv(context(0, true), derUint([]byte{2})), // v3
		derUint(t.Serial),
		t.SigAlg.DER(),
		t.Issuer.DER(),
		tlv(tagSequence, notBefore, notAfter),
		t.Subject.DER(),
		t.SPKI,
		extensions), nil
}

func (t Template) check() error {
	serial := uintContents(t.Serial)
	switch {
	case len(serial) > maxSerial || len(serial) == 1 && serial[0] == 0:
		return malformed("serial must be positive and at most %d octets", maxSerial)
	case t.Issuer.der == "" || t.Issuer.IsEmpty():
		return malformed("no issuer")
	case t.Subject.der == "":
		return malformed("no subject")
	case t.NotAfter.Before(t.NotBefore):
		return malformed("validity ends before it begins")
	case t.SigAlg == SigAlg{}:
		return malformed("no signature algorithm")
	}
	_, err := ParsePublicKey(t.SPKI)
	return err
}

// Assemble joins to-be-signed bytes, algorithm and signature to a certificate. It does not check the signature.
//
// Errors: ErrMalformed when tbs names another algorithm.
func Assemble(tbs []byte, alg SigAlg, sig []byte) ([]byte, error) {
	r := reader{b: tbs}
	body := reader{b: r.take(tagSequence)}
	body.take(context(0, true))
	body.take(tagInteger)
	_, inner := body.takeWhole(tagSequence)
	if !r.done() || body.bad || !bytes.Equal(inner, alg.DER()) {
		return nil, malformed("certificate to be signed with %s", alg)
	}
	return signed(tbs, alg, sig), nil
}

// signed is the outer form that certificates, requests and CRLs share.
func signed(tbs []byte, alg SigAlg, sig []byte) []byte {
	return tlv(tagSequence, tbs, alg.DER(), derBits(sig))
}

// splitSigned takes that form apart. The whole of der is checked to be strict DER.
func splitSigned(der []byte, what string) (tbs, tbsBody []byte, alg SigAlg, sig []byte, err error) {
	body, err := sequence(der, what)
	if err != nil {
		return nil, nil, SigAlg{}, nil, err
	}
	r := reader{b: body}
	tbsBody, tbs = r.takeWhole(tagSequence)
	_, algDER := r.takeWhole(tagSequence)
	bits := r.take(tagBitString)
	if !r.done() || len(bits) < 2 || bits[0] != 0 {
		return nil, nil, SigAlg{}, nil, malformed("%s", what)
	}
	alg, err = ParseSigAlg(algDER)
	if err != nil {
		return nil, nil, SigAlg{}, nil, err
	}
	return tbs, tbsBody, alg, bits[1:], nil
}
