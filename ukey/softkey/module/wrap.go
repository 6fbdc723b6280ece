package main

import (
	"crypto"
	"maps"

	"signet/ca/pki"
	"signet/hsm/kwp"
)

// wrap is C_WrapKey: a secret key that may leave the token, encrypted under another by AES key wrap with padding. A private key never
// leaves: none is extractable.
func (m *module) wrap(h uint64, mech mechanism, with, target uint64) ([]byte, error) {
	s, err := m.session(h)
	if err != nil {
		return nil, err
	}
	if mech.number != mechAESWrapPad {
		return nil, rvMechanismInvalid
	}
	kek, err := m.wrapping(s, with, attrWrap)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	o, err := m.object(s, target)
	if err != nil {
		return nil, rvKeyHandleInvalid
	}
	class, _ := o.number(attrClass)
	if !o.is(attrExtractable) || class != classSecret {
		return nil, rvKeyUnextractable
	}
	value, err := m.secret(s, o)
	if err != nil {
		return nil, err
	}
	defer clear(value)
	return kwp.Wrap(kek, value)
}

// wrapping gives the value of an AES key that may wrap or unwrap. The caller wipes it.
func (m *module) wrapping(s *session, with, flag uint64) ([]byte, error) {
	if _, err := m.as(s, user); err != nil {
		return nil, err
	}
	o, err := m.object(s, with)
	if err != nil {
		return nil, rvWrappingHandleInvalid
	}
	class, _ := o.number(attrClass)
	if kind, _ := o.number(attrKeyType); class != classSecret || kind != typeAES {
		return nil, rvWrappingInconsistent
	}
	if !o.is(flag) {
		return nil, rvKeyNotPermitted
	}
	return m.secret(s, o)
}

// unwrapPadded is C_UnwrapKey by AES key wrap with padding: a private key as PKCS #8, or a secret key.
func (m *module) unwrapPadded(h uint64, s *session, with uint64, wrapped []byte, t attrs) (uint64, error) {
	kek, err := m.wrapping(s, with, attrUnwrap)
	if err != nil {
		return 0, err
	}
	defer clear(kek)
	value, err := kwp.Unwrap(kek, wrapped)
	if err != nil {
		return 0, rvWrappedKeyInvalid
	}
	defer clear(value)
	switch class, _ := t.number(attrClass); class {
	case classSecret:
		if kind, _ := t.number(attrKeyType); kind != typeAES && kind != typeGeneric {
			return 0, rvTemplateInconsistent
		}
		return m.storeSecret(h, attrs{}.with(t), value)
	case classPrivate:
		key, err := pki.ParsePrivateKey(value)
		if err != nil {
			return 0, rvWrappedKeyInvalid
		}
		return m.arrive(s, key, t)
	}
	return 0, rvTemplateInconsistent
}

// arrive keeps a private key that came in, on the token or in memory, as its template says.
func (m *module) arrive(s *session, key crypto.Signer, t attrs) (uint64, error) {
	has, _ := publicAttrs(key.Public()).number(attrKeyType)
	if kind, given := t.number(attrKeyType); !given || kind != has {
		return 0, rvTemplateInconsistent
	}
	if !t.is(attrToken) {
		p, _, err := newPair(key, t, attrs{}, true)
		if err != nil {
			return 0, err
		}
		return m.keepHalf(s, halves(s.slot, p)[0], key), nil
	}
	login, err := m.writer(s)
	if err != nil {
		return 0, err
	}
	r, err := m.addPair(s, login, key, t, attrs{}, true)
	if err != nil {
		return 0, err
	}
	return m.handle(r), nil
}

// Attributes that a copy may have otherwise, beside those that may be set on any object, and those that may only become stricter.
var (
	copySettable = []uint64{attrToken, attrPrivate, attrModifiable, attrDestroyable}
	onlyStricter = map[uint64]bool{attrSensitive: true, attrExtractable: false, attrCopyable: false}
)

// copyObject is C_CopyObject: of data, secret keys and what else lies beside the pairs. What belongs to a pair says that it cannot be copied.
func (m *module) copyObject(h, from uint64, t attrs) (uint64, error) {
	s, err := m.session(h)
	if err != nil {
		return 0, err
	}
	o, err := m.object(s, from)
	if err != nil {
		return 0, err
	}
	class, _ := o.number(attrClass)
	if v, given := o.attrs[attrCopyable]; given && !(attrs{attrCopyable: v}).is(attrCopyable) || class == classPrivate {
		return 0, rvActionProhibited
	}
	if err := mayDiffer(o.attrs, t); err != nil {
		return 0, err
	}
	a := maps.Clone(o.attrs).with(t)
	if class == classSecret || o.is(attrPrivate) && class == classData {
		value, err := m.secret(s, o)
		if err != nil {
			return 0, err
		}
		defer clear(value)
		if class == classSecret {
			return m.storeSecret(h, a, value)
		}
		a[attrValue] = value
	}
	if !a.is(attrToken) {
		return m.keep(s, a.with(attrs{attrToken: truth(false)}), nil), nil
	}
	login, err := m.writer(s)
	if err != nil {
		return 0, err
	}
	r, err := m.addLoose(s, login, class, a)
	if err != nil {
		return 0, err
	}
	return m.handle(r), nil
}

// mayDiffer tells whether a copy may have these attributes instead. Source: PKCS#11 2.40 §5.7, C_CopyObject; §4.9 on CKA_SENSITIVE.
func mayDiffer(of, t attrs) error {
	for typ, v := range t {
		strict, bounded := onlyStricter[typ]
		switch {
		case bounded && (attrs{typ: v}).is(typ) != strict && of.is(typ) == strict:
			return rvAttributeReadOnly
		case !bounded && len((attrs{typ: v}).only(append(laterSettable, copySettable...)...)) == 0:
			return rvAttributeReadOnly
		}
	}
	return nil
}
