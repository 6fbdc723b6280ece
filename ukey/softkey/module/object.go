package main

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"encoding/json"

	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
)

// ref names an object for as long as the module is up.
type ref struct {
	slot *slot
	part part
	id   ukey.KeyID
}

// part says where an object lives: in a pair of the software key, beside the pairs, or in memory only.
type part byte

const (
	privateHalf part = iota
	publicHalf
	certificate
	loose
	inMemory
)

// object is an object as an application sees it.
type object struct {
	ref
	attrs
	public crypto.PublicKey // of keys
}

// volatile is a session object: gone with its session.
type volatile struct {
	owner *session
	slot  *slot
	attrs attrs
	key   crypto.Signer // of a private key, else nil
}

func (v *volatile) wipe() { clear(v.attrs[attrValue]) }

// overlay is what the module keeps beside a pair: attributes that applications set, by half, and which parts are hidden.
type overlay struct {
	Private     attrs `json:"private,omitempty"`
	Public      attrs `json:"public,omitempty"`
	Certificate attrs `json:"certificate,omitempty"`
	NoPublic    bool  `json:"noPublic,omitempty"`
}

func overlayOf(p softkey.Pair) (o overlay) {
	if len(p.Overlay) > 0 && json.Unmarshal(p.Overlay, &o) != nil {
		return overlay{}
	}
	return o
}

func (o overlay) json() json.RawMessage {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // cannot happen: maps of bytes
	}
	return b
}

// halves are the objects of a pair, with certificate if it has one.
func halves(s *slot, p softkey.Pair) []object {
	o := overlayOf(p)
	id, err := hex.DecodeString(string(p.ID))
	if err != nil {
		return nil
	}
	sign := p.Usage == ukey.Sign
	_, isSM2 := publicAttrs(p.Public)[attrECPoint]
	common := func(class uint64) attrs {
		return attrs{attrClass: number(class), attrToken: truth(true), attrID: id, attrLabel: {}, attrSubject: {},
			attrModifiable: truth(true), attrDestroyable: truth(true), attrCopyable: truth(false)}
	}
	private := common(classPrivate).with(publicAttrs(p.Public)).with(attrs{
		attrPrivate: truth(true), attrSensitive: truth(true), attrAlwaysSensitive: truth(true),
		attrExtractable: truth(false), attrNeverExtractable: truth(true), attrLocal: truth(false),
		attrSign: truth(sign), attrSignRecover: truth(false), attrDecrypt: truth(!sign), attrUnwrap: truth(true),
		attrDerive: truth(isSM2 && !sign), attrAlwaysAuth: truth(false)}).with(o.Private)
	all := []object{{ref{s, privateHalf, p.ID}, private, p.Public}}
	if !o.NoPublic {
		public := common(classPublic).with(publicAttrs(p.Public)).with(attrs{
			attrPrivate: truth(false), attrLocal: truth(false), attrVerify: truth(sign), attrVerifyRecover: truth(false),
			attrEncrypt: truth(!sign), attrWrap: truth(!sign), attrDerive: truth(false)}).with(o.Public)
		if n, isRSA := public[attrModulus]; isRSA {
			public[attrModulusBits] = number(uint64(len(n)) * 8)
		}
		all = append(all, object{ref{s, publicHalf, p.ID}, public, p.Public})
	}
	if p.Certificate != nil {
		cert := common(classCertificate).with(certificateAttrs(p.Certificate)).with(o.Certificate)
		all = append(all, object{ref{s, certificate, p.ID}, cert, nil})
	}
	return all
}

// certificateAttrs are what an X.509 certificate is; those of an unreadable one are few.
func certificateAttrs(der []byte) attrs {
	a := attrs{attrCertificateType: number(0), attrValue: der, attrPrivate: truth(false), attrTrusted: truth(false),
		attrCategory: number(0)}
	if c, err := pki.ParseCertificate(der); err == nil {
		a[attrSubject], a[attrIssuer] = c.Subject.DER(), c.Issuer.DER()
		a[attrSerial] = derInteger(c.Serial)
	}
	return a
}

// objects lists what is in a slot for somebody of that role. A stored secret stays sealed.
func (m *module) objects(s *session) ([]object, error) {
	pairs, err := s.token.Pairs()
	if err != nil {
		return nil, err
	}
	stray, err := s.token.Objects()
	if err != nil {
		return nil, err
	}
	var all []object
	for _, p := range pairs {
		all = append(all, halves(s.slot, p)...)
	}
	for _, o := range stray {
		var a attrs
		if json.Unmarshal(o.Attributes, &a) == nil {
			pub, _ := a.publicKey()
			all = append(all, object{ref{s.slot, loose, o.ID}, a, pub})
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, v := range m.memory {
		if v.slot == s.slot {
			pub, _ := v.attrs.publicKey()
			all = append(all, object{ref{s.slot, inMemory, id}, v.attrs, pub})
		}
	}
	if s.slot.role == user {
		return all, nil
	}
	seen := all[:0]
	for _, o := range all {
		if !o.is(attrPrivate) {
			seen = append(seen, o)
		}
	}
	return seen, nil
}

// handle gives a ref its number.
func (m *module) handle(r ref) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h, ok := m.handles[r]; ok {
		return h
	}
	m.next++
	m.handles[r], m.refs[m.next] = m.next, r
	return m.next
}

// object finds an object by its number, as it is now.
func (m *module) object(s *session, h uint64) (object, error) {
	m.mu.Lock()
	r, known := m.refs[h]
	m.mu.Unlock()
	if !known || r.slot != s.slot {
		return object{}, rvObjectHandleInvalid
	}
	all, err := m.near(s, r)
	if err != nil {
		return object{}, err
	}
	_, err = m.as(s, user)
	for _, o := range all {
		if o.ref == r && (err == nil || !o.is(attrPrivate)) {
			return o, nil
		}
	}
	return object{}, rvObjectHandleInvalid
}

// near reads the objects among which a ref is: those of its pair only, as signing looks for its key each time.
func (m *module) near(s *session, r ref) ([]object, error) {
	if r.part > certificate {
		return m.objects(s)
	}
	p, err := s.token.Pair(r.id)
	if err != nil {
		return nil, err
	}
	return halves(r.slot, p), nil
}

// secretTypes are the attributes that a sensitive key does not give out.
var secretTypes = map[uint64]bool{attrValue: true, attrPrivateExponent: true, attrPrime1: true, attrPrime2: true,
	attrExponent1: true, attrExponent2: true, attrCoefficient: true}

// read gives one attribute.
func (m *module) read(s *session, o object, t uint64) ([]byte, rv) {
	class, _ := o.number(attrClass)
	if secretTypes[t] && (class == classPrivate || class == classSecret) {
		if class == classPrivate || o.is(attrSensitive) || !o.orTrue(attrExtractable) {
			return nil, rvAttributeSensitive
		}
		v, err := m.secret(s, o)
		if err != nil {
			return nil, codeOf(err)
		}
		return v, ok
	}
	if o.part == loose && class == classData && t == attrValue && o.is(attrPrivate) {
		v, err := m.secret(s, o)
		return v, codeOf(err)
	}
	v, given := o.attrs[t]
	if !given {
		return nil, rvAttributeTypeInvalid
	}
	return v, ok
}

// secret gives the value of a secret key or of private data.
func (m *module) secret(s *session, o object) ([]byte, error) {
	if o.part == inMemory {
		return bytes.Clone(o.attrs[attrValue]), nil
	}
	login, err := m.as(s, user)
	if err != nil {
		return nil, err
	}
	return login.Secret(context.Background(), o.id)
}

// find starts a search.
func (m *module) find(h uint64, template attrs) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finds {
		return rvOperationActive
	}
	all, err := m.objects(s)
	if err != nil {
		return err
	}
	s.found, s.finds = nil, true
	for _, o := range all {
		if o.matches(template) {
			s.found = append(s.found, m.handle(o.ref))
		}
	}
	return nil
}

func (m *module) findNext(h uint64, most int) ([]uint64, error) {
	s, err := m.session(h)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.finds {
		return nil, rvOperationNotInitialized
	}
	n := min(most, len(s.found))
	out := s.found[:n]
	s.found = s.found[n:]
	return out, nil
}

func (m *module) findDone(h uint64) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.finds {
		return rvOperationNotInitialized
	}
	s.finds, s.found = false, nil
	return nil
}

func derInteger(unsigned []byte) []byte {
	for len(unsigned) > 1 && unsigned[0] == 0 {
		unsigned = unsigned[1:]
	}
	if len(unsigned) > 0 && unsigned[0] >= 0x80 {
		unsigned = append([]byte{0}, unsigned...)
	}
	return append([]byte{2, byte(len(unsigned))}, unsigned...) // at most 20 octets
}
