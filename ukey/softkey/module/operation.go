package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"signet/ca/gm"
)

// mechanism is CK_MECHANISM with its parameter taken apart.
type mechanism struct {
	number uint64
	raw    []byte // the parameter as it is: an IV
	hash   uint64 // PSS, OAEP: hash mechanism
	mgf    uint64 // PSS, OAEP
	salt   int    // PSS
	label  []byte // OAEP
	iv     []byte // GCM
	aad    []byte // GCM
	tag    int    // GCM: bits
	kdf    uint64 // ECDH
	peer   []byte // ECDH: the point
	bad    bool   // the parameter was of another size
}

// verb is what an operation does.
type verb string

const (
	signing    verb = "sign"
	verifying  verb = "verify"
	encrypting verb = "encrypt"
	decrypting verb = "decrypt"
	digesting  verb = "digest"
)

// operation is one that C_…Init began. Data of several Update calls is gathered and worked on at the end: a key that
// signs documents of the size of a disk is not what this is for.
type operation struct {
	verb   verb
	mech   mechanism
	target object
	data   []byte
	multi  bool
	input  []byte // of result
	result []byte // worked out, but not yet collected because the buffer was too small
}

// maxData bounds what an operation gathers.
const maxData = 64 << 20

var needed = map[verb]uint64{signing: attrSign, verifying: attrVerify, encrypting: attrEncrypt, decrypting: attrDecrypt}

// begin is C_SignInit and its like. target 0 is none, for digests.
func (m *module) begin(h uint64, v verb, mech mechanism, target uint64) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ops[string(v)] != nil {
		return rvOperationActive
	}
	op := &operation{verb: v, mech: mech}
	if v == digesting {
		if newHash(mech.number) == nil {
			return rvMechanismInvalid
		}
		s.ops[string(v)] = op
		return nil
	}
	if op.target, err = m.keyFor(s, target, v); err != nil {
		return err
	}
	if err := fits(v, mech, op.target); err != nil {
		return err
	}
	s.ops[string(v)] = op
	return nil
}

// keyFor finds a key that may be used so.
func (m *module) keyFor(s *session, target uint64, v verb) (object, error) {
	o, err := m.object(s, target)
	if err != nil {
		if _, userErr := m.as(s, user); userErr != nil && (v == signing || v == decrypting) {
			return object{}, userErr
		}
		if codeOf(err) == rvObjectHandleInvalid {
			err = rvKeyHandleInvalid
		}
		return object{}, err
	}
	class, _ := o.number(attrClass)
	private := v == signing || v == decrypting
	if class != classSecret && (class == classPrivate) != private || class == classData || class == classCertificate {
		return object{}, rvKeyTypeInconsistent
	}
	_, said := o.attrs[needed[v]]
	if said && !o.is(needed[v]) || !said && class == classPrivate {
		return object{}, rvKeyNotPermitted
	}
	return o, nil
}

// end ends an operation whatever came of it.
func (s *session) end(v verb) { delete(s.ops, string(v)) }

// update gathers.
func (m *module) update(h uint64, v verb, data []byte) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	op := s.ops[string(v)]
	if op == nil {
		return rvOperationNotInitialized
	}
	if len(op.data)+len(data) > maxData {
		s.end(v)
		return rvDataLenRange
	}
	op.multi = true
	op.data = append(op.data, data...)
	return nil
}

// finish works on data, or with final on what was gathered. room is the size of the caller's buffer, −1 if it only asks for
// the length; the operation stays open until the result fits. It returns the result, or only its length.
func (m *module) finish(h uint64, v verb, data []byte, final bool, room int) (out []byte, length int, err error) {
	s, err := m.session(h)
	if err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	op := s.ops[string(v)]
	if op == nil {
		return nil, 0, rvOperationNotInitialized
	}
	if op.multi && !final {
		s.end(v)
		return nil, 0, rvOperationActive
	}
	if final {
		data = op.data
	}
	if n := op.size(); room < 0 && n > 0 {
		return nil, n, nil
	}
	if op.result == nil || !bytes.Equal(op.input, data) {
		if op.result, err = m.work(s, op, data); err != nil {
			s.end(v)
			return nil, 0, err
		}
		op.input = bytes.Clone(data)
	}
	if room < len(op.result) {
		if room >= 0 {
			err = rvBufferTooSmall
		}
		return nil, len(op.result), err
	}
	s.end(v)
	return op.result, len(op.result), nil
}

// check is C_Verify and C_VerifyFinal.
func (m *module) check(h uint64, data, signature []byte, final bool) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	op := s.ops[string(verifying)]
	if op == nil {
		return rvOperationNotInitialized
	}
	defer s.end(verifying)
	if final {
		data = op.data
	}
	return verify(op.target.public, op.mech, data, signature)
}

// size is the length of a result that is known before the work; 0 if it is not.
func (o *operation) size() int {
	switch o.verb {
	case signing:
		return signatureSize(o.target.public)
	case digesting:
		return newHash(o.mech.number).Size()
	}
	return 0
}

func (m *module) work(s *session, op *operation, data []byte) ([]byte, error) {
	if op.verb == digesting {
		d := newHash(op.mech.number)
		d.Write(data)
		return d.Sum(nil), nil
	}
	if class, _ := op.target.number(attrClass); class == classSecret {
		key, err := m.secret(s, op.target)
		if err != nil {
			return nil, err
		}
		defer clear(key)
		return symmetric(op.verb, op.mech, key, data)
	}
	if op.verb == encrypting {
		return encrypt(op.target.public, op.mech, data)
	}
	key, err := m.private(s, op.target)
	if err != nil {
		return nil, err
	}
	if op.verb == signing {
		return sign(key, op.mech, data)
	}
	return decrypt(key, op.mech, data)
}

// private opens a private key for one operation.
func (m *module) private(s *session, o object) (crypto.Signer, error) {
	if o.part == inMemory {
		m.mu.Lock()
		defer m.mu.Unlock()
		if v := m.memory[o.id]; v != nil && v.key != nil {
			return v.key, nil
		}
		return nil, rvKeyHandleInvalid
	}
	login, err := m.as(s, user)
	if err != nil {
		return nil, err
	}
	return login.Private(context.Background(), o.id)
}

func newHash(mech uint64) hash.Hash {
	switch mech {
	case mechSHA1:
		return sha1.New()
	case mechSHA256:
		return sha256.New()
	case mechSHA384:
		return sha512.New384()
	case mechSHA512:
		return sha512.New()
	case mechSM3:
		return gm.NewSM3()
	}
	return nil
}
