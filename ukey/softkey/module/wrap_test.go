package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"signet/ca/pki"
	"signet/hsm/kwp"
)

// aesKey makes an AES key in memory.
func aesKey(t testing.TB, m *module, h uint64, more attrs) uint64 {
	t.Helper()
	return get(m.generateSecret(h, mechanism{number: mechAESGen}, attrs{attrValueLen: number(32)}.with(more)))(t)
}

func TestWrapSecret(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	mech := mechanism{number: mechAESWrapPad}
	for _, onToken := range []bool{false, true} {
		kek := aesKey(t, m, h, attrs{attrWrap: truth(true), attrUnwrap: truth(true), attrToken: truth(onToken)})
		key := aesKey(t, m, h, attrs{attrExtractable: truth(true), attrSensitive: truth(false), attrToken: truth(onToken)})
		wrapped := get(m.wrap(h, mech, kek, key))(t)
		back := get(m.unwrap(h, mech, kek, wrapped, attrs{attrClass: number(classSecret), attrKeyType: number(typeAES), attrSensitive: truth(false), attrExtractable: truth(true)}))(t)
		s := get(m.session(h))(t)
		a, b := get(m.secret(s, get(m.object(s, key))(t)))(t), get(m.secret(s, get(m.object(s, back))(t)))(t)
		if len(a) != 32 || !bytes.Equal(a, b) {
			t.Errorf("%x came back as %x", a, b)
		}
		wrapped[9] ^= 1
		_, err := m.unwrap(h, mech, kek, wrapped, attrs{attrClass: number(classSecret), attrKeyType: number(typeAES)})
		want(t, "changed", err, rvWrappedKeyInvalid)
		_, err = m.wrap(h, mech, key, kek)
		want(t, "a key that may not wrap", err, rvKeyNotPermitted)
		_, err = m.wrap(h, mech, kek, kek)
		want(t, "a key that may not leave", err, rvKeyUnextractable)
		_, err = m.wrap(h, mechanism{number: mechAESGCM}, kek, key)
		want(t, "another mechanism", err, rvMechanismInvalid)
	}
	_, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{attrExtractable: truth(true)})
	kek := aesKey(t, m, h, attrs{attrWrap: truth(true)})
	_, err := m.wrap(h, mech, kek, priv)
	want(t, "a private key", err, rvKeyUnextractable)
	must(t, m.logOut(h))
	if _, err = m.wrap(h, mech, kek, kek); err == nil {
		t.Error("wrapped by nobody")
	}
}

func TestUnwrapPrivateKey(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	mech := mechanism{number: mechAESWrapPad}
	value := make([]byte, 32)
	rand.Read(value)
	kek := get(m.create(h, attrs{attrClass: number(classSecret), attrKeyType: number(typeAES), attrValue: value, attrUnwrap: truth(true)}))(t)
	for _, c := range []struct {
		alg  pki.KeyAlg
		kind uint64
		mech uint64
	}{{pki.SM2, typeSM2, mechSM2SM3}, {pki.P256, typeEC, mechECDSASHA256}, {pki.RSA2048, typeRSA, mechSHA256RSA}} {
		key := get(pki.GenerateKey(c.alg, rand.Reader))(t)
		wrapped := get(kwp.Wrap(value, get(pki.MarshalPrivateKey(key))(t)))(t)
		template := attrs{attrClass: number(classPrivate), attrKeyType: number(c.kind), attrSign: truth(true), attrToken: truth(c.alg == pki.SM2)}
		priv := get(m.unwrap(h, mech, kek, wrapped, template))(t)
		if sig := get(once(m, h, signing, mechanism{number: c.mech}, priv, []byte("x")))(t); len(sig) < 64 {
			t.Errorf("%s: %x", c.alg, sig)
		}
		_, err := m.unwrap(h, mech, kek, wrapped, attrs{attrClass: number(classPrivate), attrKeyType: number(typeGeneric)})
		want(t, "another type", err, rvTemplateInconsistent)
		s := get(m.session(h))(t)
		if o := get(m.object(s, priv))(t); o.is(attrExtractable) || !o.is(attrSensitive) {
			t.Errorf("%s: it can be taken out again", c.alg)
		}
	}
	noise := sha256.Sum256([]byte("no key"))
	wrapped := get(kwp.Wrap(value, noise[:]))(t)
	_, err := m.unwrap(h, mech, kek, wrapped, attrs{attrClass: number(classPrivate), attrKeyType: number(typeEC)})
	want(t, "no key inside", err, rvWrappedKeyInvalid)
}

func TestCopyObject(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	s := get(m.session(h))(t)
	value := func(o uint64) []byte { return get(m.secret(s, get(m.object(s, o))(t)))(t) }
	key := aesKey(t, m, h, attrs{attrSensitive: truth(false), attrExtractable: truth(true)})
	kept := get(m.copyObject(h, key, attrs{attrToken: truth(true), attrLabel: []byte("kept"), attrSensitive: truth(true), attrExtractable: truth(false)}))(t)
	if o := get(m.object(s, kept))(t); !bytes.Equal(value(key), value(kept)) || !o.is(attrToken) || !o.is(attrSensitive) || o.is(attrExtractable) {
		t.Errorf("the copy: %v", o.attrs)
	}
	_, err := m.copyObject(h, kept, attrs{attrSensitive: truth(false)})
	want(t, "a copy that shows more", err, rvAttributeReadOnly)
	_, err = m.copyObject(h, kept, attrs{attrExtractable: truth(true)})
	want(t, "a copy that may leave", err, rvAttributeReadOnly)
	_, err = m.copyObject(h, kept, attrs{attrClass: number(classData)})
	want(t, "a copy of another kind", err, rvAttributeReadOnly)
	_, err = m.copyObject(h, kept, attrs{attrValue: []byte("other")})
	want(t, "a copy with another value", err, rvAttributeReadOnly)
	data := get(m.create(h, attrs{attrClass: number(classData), attrToken: truth(true), attrPrivate: truth(true), attrValue: []byte("geheim")}))(t)
	twin := get(m.copyObject(h, data, label("twin")))(t)
	if got := value(twin); string(got) != "geheim" {
		t.Errorf("%q", got)
	}
	_, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	_, err = m.copyObject(h, priv, label("twin"))
	want(t, "a private key", err, rvActionProhibited)
	_, err = m.copyObject(h, 4711, attrs{})
	want(t, "nothing", err, rvObjectHandleInvalid)
	must(t, m.destroy(h, data))
	if got := value(twin); string(got) != "geheim" {
		t.Error("the copy went with the original")
	}
}
