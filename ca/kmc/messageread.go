package kmc

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// message walks one message; its first fault sticks.
type message struct {
	in  cryptobyte.String
	bad *bool
}

func (m *message) fail() { *m.bad = true }

func (m *message) into(tag casn1.Tag) *message {
	out := &message{bad: m.bad}
	if *m.bad || !m.in.ReadASN1(&out.in, tag) {
		m.fail()
	}
	return out
}

// element takes one whole element of any tag.
func (m *message) element() []byte {
	var out cryptobyte.String
	var tag casn1.Tag
	if *m.bad || !m.in.ReadAnyASN1Element(&out, &tag) {
		m.fail()
	}
	return out
}

func (m *message) end() {
	if !m.in.Empty() {
		m.fail()
	}
}

func (m *message) number() *big.Int {
	v := new(big.Int)
	if *m.bad || !m.in.ReadASN1Integer(v) {
		m.fail()
	}
	return v
}

// serial is a positive number of a certificate's size.
func (m *message) serial() *big.Int {
	v := m.number()
	if v.Sign() <= 0 || v.BitLen() > 8*maxSerial {
		m.fail()
	}
	return v
}

func (m *message) octets() []byte {
	var out cryptobyte.String
	if *m.bad || !m.in.ReadASN1(&out, casn1.OCTET_STRING) {
		m.fail()
	}
	return out
}

// algorithm reads an AlgorithmIdentifier; parameters are absent, NULL or, of a key, an object identifier.
func (m *message) algorithm() string {
	s := m.into(casn1.SEQUENCE)
	var id cryptobyte.String
	if *m.bad || !s.in.ReadASN1(&id, casn1.OBJECT_IDENTIFIER) {
		m.fail()
		return ""
	}
	if !s.in.Empty() {
		s.element()
	}
	s.end()
	dotted, err := pki.DecodeOID(id)
	if err != nil {
		m.fail()
	}
	return dotted
}

func (m *message) one(of ...string) string {
	id := m.algorithm()
	if !slices.Contains(of, id) {
		m.fail()
	}
	return id
}

func (m *message) time() time.Time {
	var text cryptobyte.String
	if *m.bad || !m.in.ReadASN1(&text, casn1.GeneralizedTime) {
		m.fail()
		return time.Time{}
	}
	t, err := time.Parse("20060102150405Z", string(text))
	if err != nil {
		m.fail()
	}
	return t
}

func (m *message) entity() Entity {
	s := m.into(casn1.SEQUENCE)
	s.one(oidSM3Hash)
	name := s.into(casn1.Tag(4).Constructed().ContextSpecific())
	e := Entity{KeyHash: s.octets(), Serial: s.number()}
	s.end()
	if *m.bad {
		return e
	}
	var err error
	if e.Name, err = pki.ParseName(name.in); err != nil {
		m.fail()
	}
	return e
}

// choice reads one alternative of either tagging. Explicitly tagged, all of it is one SEQUENCE, which no alternative is inside.
func (m *message) choice(tags *Tags) (RequestKind, *message) {
	for kind := ApplyKey; kind <= Refused; kind++ {
		tag := casn1.Tag(kind).Constructed().ContextSpecific()
		if *m.bad || !m.in.PeekASN1Tag(tag) {
			continue
		}
		body := m.into(tag)
		whole, inner := body.in, &message{bad: m.bad}
		if whole.ReadASN1(&inner.in, casn1.SEQUENCE) && whole.Empty() {
			*tags = TagsExplicit
			return kind, inner
		}
		*tags = TagsImplicit
		return kind, body
	}
	m.fail()
	return 0, &message{bad: m.bad}
}

// open reads the outer form: what was signed, and the signature.
func openMessage(der []byte) (body *message, signed, sig []byte) {
	m := &message{in: der, bad: new(bool)}
	outer := m.into(casn1.SEQUENCE)
	m.end()
	signed = outer.element()
	outer.one(oidSM2SM3, "1.2.156.10197.1.301.1", "1.2.156.10197.1.301")
	sig = outer.octets()
	outer.end()
	inner := &message{in: signed, bad: m.bad}
	body = inner.into(casn1.SEQUENCE)
	if version := body.number(); version.Cmp(big.NewInt(1)) != 0 {
		m.fail()
	}
	return body, signed, sig
}

// ParseCARequest reads a CA's message; nothing in it is verified until Verify says so.
//
// Errors: ErrMessage.
func ParseCARequest(der []byte) (*CARequest, error) {
	if len(der) > maxMessage {
		return nil, fmt.Errorf("%w: too long", ErrMessage)
	}
	m := &CARequest{}
	var body *message
	body, m.signed, m.sig = openMessage(der)
	m.CA = body.entity()
	for list := body.into(casn1.SEQUENCE); !*body.bad && !list.in.Empty(); {
		if len(m.Requests) == maxRequests {
			body.fail()
			break
		}
		kind, r := list.choice(&m.Tags)
		m.Requests = append(m.Requests, readRequest(kind, r))
	}
	m.At = body.time()
	m.Task = body.number()
	body.end()
	if *body.bad || len(m.Requests) == 0 {
		return nil, ErrMessage
	}
	return m, nil
}

func readRequest(kind RequestKind, m *message) KeyRequest {
	r := KeyRequest{Kind: kind}
	switch kind {
	case Refused:
		m.fail()
		return r
	case RevokeKey:
		r.Serial = m.serial()
		m.end()
		return r
	}
	m.one(oidSM2Curve, oidECKey, oidSM2Encrypt)
	if m.number().Cmp(big.NewInt(256)) != 0 {
		m.fail()
	}
	m.one(oidSM2Encrypt, oidSM2Curve, "1.2.156.10197.1.301.2")
	r.SymCBC = m.one(oidSM4Any, oidSM4InECB, oidSM4InCBC) == oidSM4InCBC
	m.one(oidSM3Hash)
	u := m.into(casn1.SEQUENCE)
	m.end()
	r.Serial = u.serial()
	r.SignSPKI = u.element()
	r.NotBefore, r.NotAfter = u.time(), u.time()
	r.UserName = u.octets()
	if !u.in.Empty() {
		r.DSCode = u.octets()
	}
	if !u.in.Empty() {
		r.Extend = u.octets()
	}
	u.end()
	if !r.NotBefore.Before(r.NotAfter) || len(r.UserName) == 0 || len(r.UserName) > 1000 {
		m.fail()
	}
	return r
}

// Verify checks the CA's signature, and that it names itself.
func (m *CARequest) Verify(ca *pki.Certificate) error {
	if !m.CA.names(ca) || pki.Verify(ca.PublicKey, pki.SM2WithSM3, m.signed, m.sig) != nil {
		return fmt.Errorf("%w: not signed by %s", ErrProof, ca.Subject)
	}
	return nil
}

// ParseKMRespond reads the centre's message; nothing in it is verified until Verify says so.
//
// Errors: ErrMessage.
func ParseKMRespond(der []byte) (*KMRespond, error) {
	m := &KMRespond{}
	var body *message
	body, m.signed, m.sig = openMessage(der)
	m.KM = body.entity()
	for list := body.into(casn1.SEQUENCE); !*body.bad && !list.in.Empty(); {
		kind, r := list.choice(&m.Tags)
		m.Responds = append(m.Responds, readRespond(kind, r))
	}
	m.At = body.time()
	m.Task = body.number()
	body.end()
	if *body.bad {
		return nil, ErrMessage
	}
	return m, nil
}

func readRespond(kind RequestKind, m *message) KeyRespond {
	r := KeyRespond{Kind: kind}
	switch kind {
	case Refused:
		r.ErrNo = int(m.number().Int64())
		if !m.in.Empty() {
			r.ErrDesc = string(m.octets())
		}
	case RevokeKey:
		r.Serial = m.serial()
	default:
		r.Serial = m.serial()
		r.SPKI = m.element()
		r.PriKey = m.element()
	}
	m.end()
	return r
}

// Verify checks the centre's signature, that it names itself, and that this answers the request.
func (m *KMRespond) Verify(centre *pki.Certificate, asked *CARequest) error {
	if !m.KM.names(centre) || pki.Verify(centre.PublicKey, pki.SM2WithSM3, m.signed, m.sig) != nil {
		return fmt.Errorf("%w: not signed by %s", ErrProof, centre.Subject)
	}
	if m.Task.Cmp(asked.Task) != 0 || len(m.Responds) != len(asked.Requests) {
		return fmt.Errorf("%w: it answers another request", ErrMessage)
	}
	for i, r := range m.Responds {
		if q := asked.Requests[i]; r.Kind != Refused && (r.Kind != q.Kind || r.Serial.Cmp(q.Serial) != 0) {
			return fmt.Errorf("%w: it answers another request", ErrMessage)
		}
	}
	return nil
}
