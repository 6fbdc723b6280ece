package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"maps"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
)

// Attributes that an application may set: on keys in general, and later again.
var (
	privateSettable = []uint64{attrLabel, attrID, attrSubject, attrSign, attrSignRecover, attrDecrypt, attrUnwrap, attrDerive}
	publicSettable  = []uint64{attrLabel, attrID, attrSubject, attrVerify, attrVerifyRecover, attrEncrypt, attrWrap, attrDerive}
	certSettable    = []uint64{attrLabel, attrID, attrTrusted, attrCategory}
	laterSettable   = []uint64{attrLabel, attrID, attrSubject}
)

// create is C_CreateObject.
func (m *module) create(h uint64, t attrs) (uint64, error) {
	s, err := m.session(h)
	if err != nil {
		return 0, err
	}
	class, given := t.number(attrClass)
	if !given {
		return 0, rvTemplateIncomplete
	}
	if !t.is(attrToken) {
		return m.createVolatile(s, class, t)
	}
	login, err := m.writer(s)
	if err != nil {
		return 0, err
	}
	var r ref
	switch class {
	case classPrivate:
		var key crypto.Signer
		if key, err = t.privateKey(); err == nil {
			r, err = m.addPair(s, login, key, t, attrs{}, true)
		}
	case classPublic, classCertificate:
		r, err = m.attach(s, login, class, t)
	case classData, classSecret:
		r, err = m.addLoose(s, login, class, t)
	default:
		err = rvAttributeValueInvalid
	}
	if err != nil {
		return 0, err
	}
	return m.handle(r), nil
}

// createVolatile keeps an object in memory.
func (m *module) createVolatile(s *session, class uint64, t attrs) (uint64, error) {
	switch class {
	case classPublic:
		if _, err := t.publicKey(); err != nil {
			return 0, err
		}
	case classPrivate:
		key, err := t.privateKey()
		if err != nil {
			return 0, err
		}
		p, _, err := newPair(key, t, attrs{}, true)
		if err != nil {
			return 0, err
		}
		return m.keepHalf(s, halves(s.slot, p)[0], key), nil
	}
	return m.keep(s, attrs{}.with(t).with(attrs{attrToken: truth(false)}), nil), nil
}

// keep puts a session object into memory.
func (m *module) keep(s *session, t attrs, key crypto.Signer) uint64 {
	id := softkey.NewID()
	m.mu.Lock()
	m.memory[id] = &volatile{owner: s, slot: s.slot, attrs: t, key: key}
	m.mu.Unlock()
	return m.handle(ref{s.slot, inMemory, id})
}

// keepHalf is keep for a half of a pair.
func (m *module) keepHalf(s *session, half object, key crypto.Signer) uint64 {
	return m.keep(s, half.attrs.with(attrs{attrToken: truth(false)}), key)
}

// newPair says what a pair may do, from the templates of its halves. hidden leaves the public half out until it is created
// too. wish is the id it would like to have.
func newPair(key crypto.Signer, private, public attrs, hidden bool) (p softkey.Pair, wish ukey.KeyID, err error) {
	if _, err := pki.AlgOf(key.Public()); err != nil {
		return p, "", rvTemplateInconsistent
	}
	flags := private.only(attrSign, attrDecrypt, attrUnwrap, attrDerive)
	if len(flags) == 0 { // nothing said: all that a key of its kind can do
		_, isRSA := key.(*rsa.PrivateKey)
		flags = attrs{attrSign: truth(true), attrDecrypt: truth(true), attrUnwrap: truth(true), attrDerive: truth(!isRSA)}
	}
	usage := ukey.Encrypt
	if flags.is(attrSign) {
		usage = ukey.Sign
	}
	unset := attrs{attrSign: truth(false), attrDecrypt: truth(false), attrUnwrap: truth(false), attrDerive: truth(false)}
	o := overlay{NoPublic: hidden, Private: private.only(privateSettable...), Public: public.only(publicSettable...)}
	if _, isSM2 := key.(*gm.PrivateKey); isSM2 {
		unset[attrUnwrap] = truth(true) // as in GM/T 0016: a signing pair always opens the envelope of its encryption pair
	}
	o.Private = unset.with(flags).with(o.Private)
	mirror := attrs{attrVerify: truth(flags.is(attrSign)), attrEncrypt: truth(flags.is(attrDecrypt))}
	o.Public = mirror.with(o.Public)
	if !hidden {
		o.Private[attrLocal], o.Public[attrLocal] = truth(true), truth(true)
	}
	for _, half := range []attrs{o.Private, o.Public} {
		if _, given := half[attrID]; !given {
			half[attrID] = []byte{}
		}
	}
	id := softkey.NewID()
	return softkey.Pair{ID: id, Usage: usage, Public: key.Public(), Overlay: o.json()},
		ukey.KeyID(hex.EncodeToString(private[attrID])), nil
}

// addPair puts a private key on the token.
func (m *module) addPair(s *session, login *softkey.Session, key crypto.Signer, private, public attrs, hidden bool) (ref, error) {
	p, wish, err := newPair(key, private, public, hidden)
	if err != nil {
		return ref{}, err
	}
	if p.ID, err = m.pairID(s, wish, p.ID); err != nil {
		return ref{}, err
	}
	if hidden {
		if p.Overlay, err = m.adoptPublic(s, login, p); err != nil {
			return ref{}, err
		}
	}
	return ref{s.slot, privateHalf, p.ID}, login.Add(context.Background(), p, key)
}

// adoptPublic takes the public half that was created before its private half into the pair: first away, then in with the pair,
// so that a crash leaves nothing rather than a stray.
func (m *module) adoptPublic(s *session, login *softkey.Session, p softkey.Pair) (json.RawMessage, error) {
	all, err := m.objects(s)
	if err != nil {
		return nil, err
	}
	o := overlayOf(p)
	for _, stray := range all {
		if class, _ := stray.number(attrClass); stray.part != loose || class != classPublic || !sameKey(p, stray.public) {
			continue
		}
		if err := login.RemoveObject(context.Background(), stray.id); err != nil {
			return nil, err
		}
		o.NoPublic, o.Public = false, stray.only(publicSettable...)
	}
	return o.json(), nil
}

// pairID is the CKA_ID of 16 bytes, so that all faces of the software key call a pair the same, else any.
func (m *module) pairID(s *session, wish, other ukey.KeyID) (ukey.KeyID, error) {
	if wish.Check() != nil {
		return other, nil
	}
	pairs, err := s.token.Pairs()
	for _, p := range pairs {
		if p.ID == wish {
			return other, nil
		}
	}
	return wish, err
}

// attach adds a public key or a certificate: to the pair it belongs to and that lacks it, else on its own.
func (m *module) attach(s *session, login *softkey.Session, class uint64, t attrs) (ref, error) {
	var pub crypto.PublicKey
	var err error
	if class == classPublic {
		if pub, err = t.publicKey(); err != nil {
			return ref{}, err
		}
	} else if c, err := pki.ParseCertificate(t[attrValue]); err == nil {
		pub = c.PublicKey
	}
	pairs, err := s.token.Pairs()
	if err != nil {
		return ref{}, err
	}
	for _, p := range pairs {
		o := overlayOf(p)
		if !sameKey(p, pub) {
			continue
		}
		if class == classPublic && o.NoPublic {
			o.NoPublic, o.Public = false, t.only(publicSettable...)
			return ref{s.slot, publicHalf, p.ID}, login.Amend(context.Background(), p.ID, p.Certificate, o.json())
		}
		if class == classCertificate && p.Certificate == nil {
			o.Certificate = t.only(certSettable...)
			return ref{s.slot, certificate, p.ID}, login.Amend(context.Background(), p.ID, t[attrValue], o.json())
		}
	}
	return m.addLoose(s, login, class, t)
}

func sameKey(p softkey.Pair, pub crypto.PublicKey) bool {
	if pub == nil {
		return false
	}
	k, ok := p.Public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(pub)
}

// addLoose puts an object beside the pairs.
func (m *module) addLoose(s *session, login *softkey.Session, class uint64, t attrs) (ref, error) {
	a := attrs{attrLabel: {}, attrPrivate: truth(false), attrModifiable: truth(true), attrDestroyable: truth(true)}.with(t)
	var secret []byte
	switch class {
	case classCertificate:
		if len(t[attrValue]) == 0 {
			return ref{}, rvTemplateIncomplete
		}
		a = a.with(certificateAttrs(t[attrValue])).with(t)
	case classSecret:
		if len(t[attrValue]) == 0 {
			return ref{}, rvTemplateIncomplete
		}
		a = secretDefaults().with(a).with(attrs{attrPrivate: truth(true), attrValueLen: number(uint64(len(t[attrValue])))})
		secret = t[attrValue]
		delete(a, attrValue)
	case classData:
		if a.is(attrPrivate) {
			secret = t[attrValue]
			delete(a, attrValue)
		}
	}
	id := softkey.NewID()
	b, err := json.Marshal(a)
	if err != nil {
		return ref{}, rvFunctionFailed
	}
	return ref{s.slot, loose, id}, login.PutObject(context.Background(), id, b, secret)
}

func secretDefaults() attrs {
	return attrs{attrSensitive: truth(true), attrExtractable: truth(false), attrEncrypt: truth(true), attrDecrypt: truth(true),
		attrID: {}, attrLocal: truth(false)}
}

// destroy is C_DestroyObject.
func (m *module) destroy(h, target uint64) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	o, err := m.object(s, target)
	if err != nil {
		return err
	}
	if o.part == inMemory {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.memory[o.id].wipe()
		delete(m.memory, o.id)
		return nil
	}
	login, err := m.writer(s)
	if err != nil {
		return err
	}
	ctx := context.Background()
	switch o.part {
	case loose:
		return login.RemoveObject(ctx, o.id)
	case privateHalf:
		if err := m.detach(s, login, o.id); err != nil {
			return err
		}
		return login.Delete(ctx, o.id)
	case publicHalf:
		return m.amend(s, login, o.id, func(p *softkey.Pair, v *overlay) { v.NoPublic, v.Public = true, nil })
	}
	return m.dropCertificate(s, login, o)
}

// dropCertificate removes the certificate of a pair. Another one of the same pair that lay beside takes its place.
func (m *module) dropCertificate(s *session, login *softkey.Session, o object) error {
	all, err := m.objects(s)
	if err != nil {
		return err
	}
	var next *object
	err = m.amend(s, login, o.id, func(p *softkey.Pair, v *overlay) {
		p.Certificate, v.Certificate = nil, nil
		for i, stray := range all {
			c, err := pki.ParseCertificate(stray.attrs[attrValue])
			if stray.part == loose && err == nil && sameKey(*p, c.PublicKey) {
				next = &all[i]
				p.Certificate, v.Certificate = stray.attrs[attrValue], stray.only(certSettable...)
			}
		}
	})
	if err != nil || next == nil {
		return err
	}
	m.rename(next.ref, o.ref)
	return login.RemoveObject(context.Background(), next.id)
}

// rename lets the handle of an object follow it to another place.
func (m *module) rename(from, to ref) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h, known := m.handles[from]; known {
		delete(m.refs, m.handles[to])
		delete(m.handles, from)
		m.handles[to], m.refs[h] = h, to
	}
}

// detach lets public half and certificate outlive their private key, as PKCS#11 wants it.
func (m *module) detach(s *session, login *softkey.Session, id ukey.KeyID) error {
	pairs, err := s.token.Pairs()
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if p.ID != id {
			continue
		}
		for _, o := range halves(s.slot, p)[1:] {
			class, _ := o.number(attrClass)
			if _, err := m.addLoose(s, login, class, o.attrs); err != nil {
				return err
			}
		}
	}
	return nil
}

// amend changes what is beside a pair.
func (m *module) amend(s *session, login *softkey.Session, id ukey.KeyID, change func(*softkey.Pair, *overlay)) error {
	pairs, err := s.token.Pairs()
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if p.ID == id {
			o := overlayOf(p)
			change(&p, &o)
			return login.Amend(context.Background(), id, p.Certificate, o.json())
		}
	}
	return rvObjectHandleInvalid
}

// set is C_SetAttributeValue: label, id and subject.
func (m *module) set(h, target uint64, t attrs) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	o, err := m.object(s, target)
	if err != nil {
		return err
	}
	if len(t.only(laterSettable...)) != len(t) {
		return rvAttributeReadOnly
	}
	if o.part == inMemory {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.memory[o.id].attrs = maps.Clone(o.attrs).with(t) // a reader may hold the old map
		return nil
	}
	login, err := m.writer(s)
	if err != nil {
		return err
	}
	if o.part == loose {
		return m.setLoose(s, login, o, t)
	}
	return m.amend(s, login, o.id, func(_ *softkey.Pair, v *overlay) {
		half := map[part]*attrs{privateHalf: &v.Private, publicHalf: &v.Public, certificate: &v.Certificate}[o.part]
		if *half == nil {
			*half = attrs{}
		}
		half.with(t)
	})
}

func (m *module) setLoose(s *session, login *softkey.Session, o object, t attrs) error {
	secret, err := login.Secret(context.Background(), o.id)
	if err != nil {
		return err
	}
	defer clear(secret)
	b, err := json.Marshal(o.attrs.with(t))
	if err != nil {
		return rvFunctionFailed
	}
	return login.PutObject(context.Background(), o.id, b, secret)
}
