package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
	"signet/ukey/softkey"
)

// generatePair is C_GenerateKeyPair. Both halves are one file of the software key: a crash leaves both or none.
func (m *module) generatePair(h uint64, mech mechanism, public, private attrs) (pub, priv uint64, err error) {
	s, err := m.session(h)
	if err != nil {
		return 0, 0, err
	}
	alg, err := algorithmOf(mech, public)
	if err != nil {
		return 0, 0, err
	}
	onToken := private.is(attrToken)
	var login *softkey.Session
	if onToken {
		if login, err = m.writer(s); err != nil {
			return 0, 0, err
		}
	}
	key, err := pki.GenerateKey(alg, rand.Reader)
	if err != nil {
		return 0, 0, err
	}
	if !onToken {
		p, _, err := newPair(key, private, public, false)
		if err != nil {
			return 0, 0, err
		}
		both := halves(s.slot, p)
		return m.keepHalf(s, both[1], nil), m.keepHalf(s, both[0], key), nil
	}
	r, err := m.addPair(s, login, key, private, public, false)
	if err != nil {
		return 0, 0, err
	}
	return m.handle(ref{r.slot, publicHalf, r.id}), m.handle(r), nil
}

func algorithmOf(mech mechanism, public attrs) (pki.KeyAlg, error) {
	params, given := public[attrECParams]
	switch mech.number {
	case mechRSAGen:
		bits, ok := public.number(attrModulusBits)
		if e, given := public[attrPublicExponent]; given && !bytes.Equal(e, []byte{1, 0, 1}) {
			return "", rvAttributeValueInvalid
		}
		alg, known := map[uint64]pki.KeyAlg{2048: pki.RSA2048, 3072: pki.RSA3072, 4096: pki.RSA4096}[bits]
		if !ok {
			return "", rvTemplateIncomplete
		}
		if !known {
			return "", rvAttributeValueInvalid
		}
		return alg, nil
	case mechSM2Gen:
		if given && !bytes.Equal(params, paramsSM2) {
			return "", rvAttributeValueInvalid
		}
		return pki.SM2, nil
	case mechECGen:
		for alg, p := range map[pki.KeyAlg][]byte{pki.P256: paramsP256, pki.P384: paramsP384, pki.SM2: paramsSM2} {
			if bytes.Equal(p, params) {
				return alg, nil
			}
		}
		if !given {
			return "", rvTemplateIncomplete
		}
		return "", rvAttributeValueInvalid
	}
	return "", rvMechanismInvalid
}

// generateSecret is C_GenerateKey.
func (m *module) generateSecret(h uint64, mech mechanism, t attrs) (uint64, error) {
	n, ok := t.number(attrValueLen)
	kind := map[uint64]uint64{mechAESGen: typeAES, mechGenericGen: typeGeneric}[mech.number]
	switch {
	case kind == 0:
		return 0, rvMechanismInvalid
	case !ok:
		return 0, rvTemplateIncomplete
	case kind == typeAES && n != 16 && n != 24 && n != 32, n == 0, n > 4096:
		return 0, rvAttributeValueInvalid
	}
	value := make([]byte, n)
	rand.Read(value)
	defer clear(value)
	given := attrs{}.with(t).with(attrs{attrClass: number(classSecret), attrKeyType: number(kind), attrLocal: truth(true)})
	return m.storeSecret(h, given, value)
}

// storeSecret keeps a secret key on the token or in memory, as its template says. It copies value.
func (m *module) storeSecret(h uint64, t attrs, value []byte) (uint64, error) {
	s, err := m.session(h)
	if err != nil {
		return 0, err
	}
	t = attrs{}.with(t).with(attrs{attrValue: bytes.Clone(value)})
	if !t.is(attrToken) {
		t = secretDefaults().with(t).with(attrs{attrToken: truth(false), attrValueLen: number(uint64(len(value)))})
		return m.keep(s, t, nil), nil
	}
	login, err := m.writer(s)
	if err != nil {
		return 0, err
	}
	r, err := m.addLoose(s, login, classSecret, t)
	clear(t[attrValue])
	if err != nil {
		return 0, err
	}
	return m.handle(r), nil
}

// derive is C_DeriveKey: ECDH, the x coordinate as the secret.
func (m *module) derive(h uint64, mech mechanism, base uint64, t attrs) (uint64, error) {
	s, err := m.session(h)
	if err != nil {
		return 0, err
	}
	if mech.number != mechECDH {
		return 0, rvMechanismInvalid
	}
	if mech.bad || mech.kdf != 1 { // CKD_NULL
		return 0, rvMechanismParamInvalid
	}
	o, err := m.usable(s, base, attrDerive)
	if err != nil {
		return 0, err
	}
	key, err := m.private(s, o)
	if err != nil {
		return 0, err
	}
	x, err := sharedX(key, bare(mech.peer))
	if err != nil {
		return 0, err
	}
	defer clear(x)
	given := attrs{attrClass: number(classSecret), attrKeyType: number(typeGeneric)}.with(t)
	if n, ok := given.number(attrValueLen); ok {
		if n == 0 || n > uint64(len(x)) {
			return 0, rvAttributeValueInvalid
		}
		x = x[:n]
	}
	return m.storeSecret(h, given, x)
}

func sharedX(key crypto.Signer, peer []byte) ([]byte, error) {
	switch k := key.(type) {
	case *gm.PrivateKey:
		p, err := gm.NewPublicKey(peer)
		if err != nil {
			return nil, rvMechanismParamInvalid
		}
		return k.SharedX(p)
	case *ecdsa.PrivateKey:
		mine, err := k.ECDH()
		if err != nil {
			return nil, rvKeyTypeInconsistent
		}
		p, err := mine.Curve().NewPublicKey(peer)
		if err != nil {
			return nil, rvMechanismParamInvalid
		}
		return mine.ECDH(p)
	}
	return nil, rvKeyTypeInconsistent
}

// usable finds a private key that has a flag.
func (m *module) usable(s *session, target, flag uint64) (object, error) {
	if _, err := m.as(s, user); err != nil {
		return object{}, err
	}
	o, err := m.object(s, target)
	if err != nil {
		return object{}, rvKeyHandleInvalid
	}
	if class, _ := o.number(attrClass); class != classPrivate {
		return object{}, rvKeyTypeInconsistent
	}
	if !o.is(flag) {
		return object{}, rvKeyNotPermitted
	}
	return o, nil
}

// unwrap is C_UnwrapKey: an SM2 pair out of a DER SM2EnvelopedKey, or a secret key out of RSA-OAEP.
func (m *module) unwrap(h uint64, mech mechanism, with uint64, wrapped []byte, t attrs) (uint64, error) {
	s, err := m.session(h)
	if err != nil {
		return 0, err
	}
	if mech.number == mechAESWrapPad {
		return m.unwrapPadded(h, s, with, wrapped, t)
	}
	if mech.number != mechSM2Enveloped && mech.number != mechOAEP {
		return 0, rvMechanismInvalid
	}
	o, err := m.usable(s, with, attrUnwrap)
	if err != nil {
		return 0, err
	}
	key, err := m.private(s, o)
	if err != nil {
		return 0, err
	}
	if mech.number == mechOAEP {
		return m.unwrapSecret(h, mech, key, wrapped, t)
	}
	login, err := m.writer(s)
	if err != nil {
		return 0, err
	}
	return m.unwrapPair(s, login, key, wrapped, t)
}

func (m *module) unwrapSecret(h uint64, mech mechanism, key crypto.Signer, wrapped []byte, t attrs) (uint64, error) {
	if err := mech.checkParameter(); err != nil {
		return 0, err
	}
	if kind, _ := t.number(attrKeyType); kind != typeAES && kind != typeGeneric {
		return 0, rvTemplateInconsistent
	}
	value, err := decrypt(key, mech, wrapped)
	if err != nil {
		return 0, rvWrappedKeyInvalid
	}
	defer clear(value)
	return m.storeSecret(h, attrs{}.with(t).with(attrs{attrClass: number(classSecret)}), value)
}

func (m *module) unwrapPair(s *session, login *softkey.Session, key crypto.Signer, wrapped []byte, t attrs) (uint64, error) {
	sm2, isSM2 := key.(*gm.PrivateKey)
	if !isSM2 {
		return 0, rvUnwrappingInconsistent
	}
	if !t.is(attrToken) {
		return 0, rvTemplateInconsistent
	}
	envelope, err := cms.ParseEnvelopedKey(wrapped)
	if err != nil {
		return 0, rvWrappedKeyInvalid
	}
	inside, err := envelope.Unwrap(sm2)
	if err != nil {
		return 0, rvWrappedKeyInvalid
	}
	r, err := m.addPair(s, login, inside, t, attrs{}, true)
	if err != nil {
		return 0, err
	}
	return m.handle(r), nil
}

// random is C_GenerateRandom.
func (m *module) random(h uint64, out []byte) error {
	_, err := m.session(h)
	if err == nil {
		rand.Read(out)
	}
	return err
}
