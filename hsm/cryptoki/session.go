package cryptoki

import (
	"context"
	"errors"
	"fmt"
)

// Object is an object's handle: good for the session's generation and login only.
type Object uint64

// Session talks to one token.
//
// Concurrency: calls from several goroutines are carried out one after another, since modules corrupt their memory otherwise.
type Session struct {
	m    *Module
	gen  uint64
	id   uint64
	busy chan struct{} // held during a call
}

// User is who logs in.
type User uint

const (
	SO         User = CKU_SO
	NormalUser User = CKU_USER
)

// OpenSession opens a session with the token in a slot; write also allows changing it.
func (m *Module) OpenSession(ctx context.Context, slot uint, write bool) (*Session, error) {
	if _, err := m.running(ctx); err != nil {
		return nil, err
	}
	gen := m.Generation()
	req := &request{Op: opOpenSession, N1: uint64(slot)}
	if write {
		req.N2 = 1
	}
	rep, err := m.call(ctx, gen, req)
	if err != nil {
		return nil, err
	}
	return &Session{m: m, gen: gen, id: rep.N, busy: make(chan struct{}, 1)}, nil
}

// Generation is the module's generation this session belongs to.
func (s *Session) Generation() uint64 { return s.gen }

// call carries out one request. A caller whose ctx ends stops waiting; the session stays busy until the module has answered or was
// killed. Requests with secrets are waited for, as their bytes are the caller's to wipe afterwards.
func (s *Session) call(ctx context.Context, req *request) (*reply, error) {
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: waiting for the session: %w", req.Op, ctx.Err())
	}
	req.Session = s.id
	if req.Secret || ctx.Done() == nil {
		defer func() { <-s.busy }()
		return s.m.call(ctx, s.gen, req)
	}
	type answer struct {
		rep *reply
		err error
	}
	done := make(chan answer, 1)
	go func() {
		rep, err := s.m.call(ctx, s.gen, req)
		<-s.busy
		done <- answer{rep, err}
	}()
	select {
	case a := <-done:
		return a.rep, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", req.Op, ctx.Err())
	}
}

func (s *Session) one(ctx context.Context, req *request) error {
	_, err := s.call(ctx, req)
	return err
}

// Close closes the session; closing the last one logs out. It is no error when the session is gone already.
func (s *Session) Close(ctx context.Context) error {
	if s.gen != s.m.Generation() {
		return nil
	}
	err := s.one(ctx, &request{Op: opCloseSession})
	if ClassOf(err) == ClassSession || errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// Alive asks the module whether the session still exists, and whether the user is logged in.
func (s *Session) Alive(ctx context.Context) (loggedIn bool, err error) {
	rep, err := s.call(ctx, &request{Op: opSessionInfo})
	if err != nil {
		return false, err
	}
	return rep.N == 1 || rep.N == 3, nil // CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS
}

// Login logs the application in at the token; the PIN is the caller's to wipe. A nil PIN uses the token's own key pad.
//
// Errors: ClassPIN; CKR_USER_ALREADY_LOGGED_IN, which most callers take for success.
func (s *Session) Login(ctx context.Context, who User, pin []byte) error {
	return s.one(ctx, &request{Op: opLogin, N1: uint64(who), A: pin, Secret: true})
}

// Logout logs out every session of this process with the token.
func (s *Session) Logout(ctx context.Context) error {
	return s.one(ctx, &request{Op: opLogout})
}

// InitPIN sets the user's PIN; the SO must be logged in. On a locked PIN it unlocks.
func (s *Session) InitPIN(ctx context.Context, pin []byte) error {
	return s.one(ctx, &request{Op: opInitPIN, A: pin, Secret: true})
}

// SetPIN changes the PIN of whoever is logged in (the user when nobody is).
func (s *Session) SetPIN(ctx context.Context, old, new []byte) error {
	return s.one(ctx, &request{Op: opSetPIN, A: old, B: new, Secret: true})
}

// Find lists the objects that have all these attributes, at most max (default and bound 4096).
func (s *Session) Find(ctx context.Context, template []Attr, max int) ([]Object, error) {
	if max <= 0 || max > maxObjects {
		max = maxObjects
	}
	rep, err := s.call(ctx, &request{Op: opFind, T1: template, N1: uint64(max)})
	if err != nil {
		return nil, err
	}
	out := make([]Object, len(rep.Objects))
	for i, o := range rep.Objects {
		out[i] = Object(o)
	}
	return out, nil
}

// Attributes reads attributes of an object; those the object does not have or does not show are left out.
func (s *Session) Attributes(ctx context.Context, o Object, types ...uint) ([]Attr, error) {
	req := &request{Op: opAttributes, N1: uint64(o)}
	for _, t := range types {
		req.T1 = append(req.T1, Attr{Type: t})
	}
	rep, err := s.call(ctx, req)
	if err != nil {
		return nil, err
	}
	return rep.Attrs, nil
}

// SetAttributes changes an object.
func (s *Session) SetAttributes(ctx context.Context, o Object, attrs []Attr) error {
	return s.one(ctx, &request{Op: opSetAttributes, N1: uint64(o), T1: attrs})
}

// Create makes an object of its attributes.
func (s *Session) Create(ctx context.Context, template []Attr) (Object, error) {
	return s.object(ctx, &request{Op: opCreate, T1: template, Secret: true})
}

// Copy makes a copy of an object with other attributes.
func (s *Session) Copy(ctx context.Context, o Object, template []Attr) (Object, error) {
	return s.object(ctx, &request{Op: opCopy, N1: uint64(o), T1: template})
}

// Destroy removes an object.
func (s *Session) Destroy(ctx context.Context, o Object) error {
	return s.one(ctx, &request{Op: opDestroy, N1: uint64(o)})
}

func (s *Session) object(ctx context.Context, req *request) (Object, error) {
	rep, err := s.call(ctx, req)
	if err != nil {
		return 0, err
	}
	return Object(rep.N), nil
}

// GenerateKeyPair makes a key pair in the token.
func (s *Session) GenerateKeyPair(ctx context.Context, mech Mechanism, public, private []Attr) (pub, priv Object, err error) {
	rep, err := s.call(ctx, &request{Op: opGenerateKeyPair, Mech: mech, T1: public, T2: private})
	if err != nil {
		return 0, 0, err
	}
	if len(rep.Objects) != 2 {
		return 0, 0, ErrFrame
	}
	return Object(rep.Objects[0]), Object(rep.Objects[1]), nil
}

// GenerateKey makes a secret key in the token.
func (s *Session) GenerateKey(ctx context.Context, mech Mechanism, template []Attr) (Object, error) {
	return s.object(ctx, &request{Op: opGenerateKey, Mech: mech, T1: template})
}

// Sign signs data in one C_SignInit and one C_Sign with a buffer of 1 KiB: no call asks for the length first, which on a network
// HSM would be a round trip more.
func (s *Session) Sign(ctx context.Context, mech Mechanism, key Object, data []byte) ([]byte, error) {
	return s.data(ctx, &request{Op: opSign, Mech: mech, N1: uint64(key), A: data})
}

// Encrypt encrypts in one step.
func (s *Session) Encrypt(ctx context.Context, mech Mechanism, key Object, data []byte) ([]byte, error) {
	return s.data(ctx, &request{Op: opEncrypt, Mech: mech, N1: uint64(key), A: data, Secret: true})
}

// Decrypt decrypts in one step. The caller wipes the result.
func (s *Session) Decrypt(ctx context.Context, mech Mechanism, key Object, data []byte) ([]byte, error) {
	return s.data(ctx, &request{Op: opDecrypt, Mech: mech, N1: uint64(key), A: data, Secret: true})
}

// Derive makes a new key of a private key and the mechanism's parameter.
func (s *Session) Derive(ctx context.Context, mech Mechanism, base Object, template []Attr) (Object, error) {
	return s.object(ctx, &request{Op: opDerive, Mech: mech, N1: uint64(base), T1: template})
}

// Wrap takes a key out of the token, encrypted under another.
func (s *Session) Wrap(ctx context.Context, mech Mechanism, wrapping, key Object) ([]byte, error) {
	return s.data(ctx, &request{Op: opWrap, Mech: mech, N1: uint64(wrapping), N2: uint64(key)})
}

// Unwrap brings a wrapped key into the token.
func (s *Session) Unwrap(ctx context.Context, mech Mechanism, unwrapping Object, wrapped []byte, template []Attr) (Object, error) {
	return s.object(ctx, &request{Op: opUnwrap, Mech: mech, N1: uint64(unwrapping), A: wrapped, T1: template})
}

// Random draws n bytes of the token's random source.
func (s *Session) Random(ctx context.Context, n int) ([]byte, error) {
	return s.data(ctx, &request{Op: opRandom, N1: uint64(n)})
}

func (s *Session) data(ctx context.Context, req *request) ([]byte, error) {
	rep, err := s.call(ctx, req)
	if err != nil {
		return nil, err
	}
	return rep.Data, nil
}
