// Package ukeytest is the contract of ukey.Token as a test. Every driver runs it; a driver that passes can be
// put under the agent. It refuses nothing that real tokens differ in: mechanisms, object counts, PIN lengths.
package ukeytest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"testing"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
	"signet/ukey"
)

// Fixture is a blank token in the hands of a test.
type Fixture struct {
	Token  ukey.Token
	PIN    ukey.PIN // the right one
	SO     ukey.PIN // likewise, the SO's
	Tries  int      // wrong PINs until it locks, the SO's likewise; 0: never
	Rooms  int      // key pairs that fit; 0: no bound known
	Pull   func()   // takes the token away; nil: this token cannot be
	Plug   func()   // puts it back
	Reopen func() ukey.Token
	Alg    pki.KeyAlg // of keys whose kind does not matter; "": SM2. Without SM2 there is nothing to import
}

// without skips a part of the contract that a token has no counterpart for.
func without(t *testing.T, missing bool, what string) {
	t.Helper()
	if missing {
		t.Skip("this token has no", what)
	}
}

// The key ids the contract uses.
var (
	signID  = ukey.KeyIDOf([16]byte{1})
	encID   = ukey.KeyIDOf([16]byte{2})
	otherID = ukey.KeyIDOf([16]byte{3})
	noID    = ukey.KeyIDOf([16]byte{0xff})
)

// TestToken runs the contract; open gives a fresh blank token each time.
func TestToken(t *testing.T, algs []pki.KeyAlg, open func(t *testing.T) Fixture) {
	for name, f := range map[string]func(*testing.T, Fixture){
		"Blank": testBlank, "WrongPIN": testWrongPIN, "Lock": testLock, "ChangePIN": testChangePIN,
		"GenerateTwice": testGenerateTwice, "Import": testImport, "Certificate": testCertificate, "Usage": testUsage,
		"Delete": testDelete, "Full": testFull, "OneSession": testOneSession, "Closed": testClosed, "Pulled": testPulled,
		"Cancelled": testCancelled, "Unblock": testUnblock, "SOPIN": testSOPIN, "Label": testLabel, "History": testHistory,
	} {
		t.Run(name, func(t *testing.T) { f(t, open(t)) })
	}
	for _, alg := range algs {
		t.Run("Sign/"+string(alg), func(t *testing.T) { testSign(t, open(t), alg) })
	}
}

func (f Fixture) alg() pki.KeyAlg {
	if f.Alg == "" {
		return pki.SM2
	}
	return f.Alg
}

func login(t *testing.T, f Fixture) ukey.Session {
	t.Helper()
	s, err := f.Token.Login(t.Context(), bytes.Clone(f.PIN))
	if err != nil {
		t.Fatal("login:", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (f Fixture) generate(t *testing.T, s ukey.Session, id ukey.KeyID) crypto.PublicKey {
	t.Helper()
	pub, err := s.Generate(t.Context(), id, f.alg())
	if err != nil {
		t.Fatal("generating:", err)
	}
	return pub
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func samePublic(t *testing.T, a, b crypto.PublicKey) bool {
	t.Helper()
	x, err1 := pki.MarshalPublicKey(a)
	y, err2 := pki.MarshalPublicKey(b)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

func testBlank(t *testing.T, f Fixture) {
	info, err := f.Token.Info(t.Context())
	if err != nil || info.Serial == "" || info.PINLocked || !info.Initialised || info.Free == 0 {
		t.Errorf("%+v, %v", info, err)
	}
	if info.PINTriesLeft != -1 && info.PINTriesLeft != f.Tries {
		t.Errorf("%d tries left, want %d", info.PINTriesLeft, f.Tries)
	}
	if keys, err := f.Token.Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("keys: %v, %v", keys, err)
	}
}

func testWrongPIN(t *testing.T, f Fixture) {
	tries := f.Tries
	if tries == 0 {
		tries = 3
	}
	for i := 1; i < tries; i++ {
		_, err := f.Token.Login(t.Context(), ukey.PIN("wrong-PIN"))
		var wrong *ukey.PINError
		if !errors.As(err, &wrong) || wrong.TriesLeft != -1 && wrong.TriesLeft != f.Tries-i {
			t.Fatalf("try %d: %v", i, err)
		}
		if info, err := f.Reopen().Info(t.Context()); err != nil || info.PINTriesLeft != -1 && info.PINTriesLeft != f.Tries-i {
			t.Fatalf("try %d is not counted durably: %+v, %v", i, info, err)
		}
	}
	login(t, f).Close()
	if info, _ := f.Token.Info(t.Context()); info.PINTriesLeft != -1 && info.PINTriesLeft != f.Tries {
		t.Errorf("after the right PIN %d tries left", info.PINTriesLeft)
	}
}

func testLock(t *testing.T, f Fixture) {
	without(t, f.Tries == 0, "lock")
	var err error
	for range f.Tries {
		_, err = f.Token.Login(t.Context(), ukey.PIN("wrong-PIN"))
	}
	wantErr(t, "last wrong try", err, ukey.ErrLocked)
	_, err = f.Reopen().Login(t.Context(), bytes.Clone(f.PIN))
	wantErr(t, "right PIN on a locked token", err, ukey.ErrLocked)
	if info, err := f.Token.Info(t.Context()); err != nil || !info.PINLocked {
		t.Errorf("%+v, %v", info, err)
	}
	wantErr(t, "change", f.Token.ChangePIN(t.Context(), bytes.Clone(f.PIN), ukey.PIN("new-Pin-82")), ukey.ErrLocked)
}

func testChangePIN(t *testing.T, f Fixture) {
	s := login(t, f)
	f.generate(t, s, signID)
	s.Close()
	next := ukey.PIN("new-Pin-82")
	wantErr(t, "weak", f.Token.ChangePIN(t.Context(), bytes.Clone(f.PIN), ukey.PIN("111111")), ukey.ErrWeakPIN)
	var wrong *ukey.PINError
	if err := f.Token.ChangePIN(t.Context(), ukey.PIN("wrong-PIN"), next); !errors.As(err, &wrong) {
		t.Errorf("wrong old PIN: %v", err)
	}
	if err := f.Token.ChangePIN(t.Context(), bytes.Clone(f.PIN), bytes.Clone(next)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Token.Login(t.Context(), bytes.Clone(f.PIN)); !errors.As(err, &wrong) {
		t.Errorf("old PIN still opens: %v", err)
	}
	f.PIN = next
	if _, err := login(t, f).Signer(signID); err != nil {
		t.Errorf("keys after a PIN change: %v", err)
	}
}

func testGenerateTwice(t *testing.T, f Fixture) {
	s := login(t, f)
	first := f.generate(t, s, signID)
	if second := f.generate(t, s, signID); !samePublic(t, first, second) {
		t.Error("a second Generate made another key")
	}
	other := pki.P256
	if f.alg() == other {
		other = pki.RSA2048
	}
	_, err := s.Generate(t.Context(), signID, other)
	wantErr(t, "another algorithm", err, ukey.ErrExists)
	if _, err := s.Generate(t.Context(), "../escape", pki.SM2); err == nil {
		t.Error("an id that is none was accepted")
	}
	s.Close()
	s = login(t, f)
	if third := f.generate(t, s, signID); !samePublic(t, first, third) {
		t.Error("after a new login Generate made another key")
	}
	keys, err := f.Token.Keys(t.Context())
	if err != nil || len(keys) != 1 || keys[0].ID != signID || keys[0].Usage != ukey.Sign || !samePublic(t, keys[0].Public, first) {
		t.Errorf("%v, %v", keys, err)
	}
}

func testSign(t *testing.T, f Fixture, alg pki.KeyAlg) {
	s := login(t, f)
	pub, err := s.Generate(t.Context(), signID, alg)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Signer(signID)
	if err != nil {
		t.Fatal(err)
	}
	sigAlg, err := pki.SigAlgFor(pub)
	if err != nil {
		t.Fatal(err)
	}
	msg := []byte("一段要签名的文字")
	sig, err := pki.Sign(rand.Reader, key, sigAlg, msg)
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.Verify(pub, sigAlg, msg, sig); err != nil {
		t.Error(err)
	}
	if pki.Verify(pub, sigAlg, append(msg, 0), sig) == nil {
		t.Error("signature holds for another text")
	}
}

func newSM2(t *testing.T) *gm.PrivateKey {
	t.Helper()
	k, err := gm.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func envelope(t *testing.T, to crypto.PublicKey, key *gm.PrivateKey) []byte {
	t.Helper()
	der, err := cms.WrapKey(rand.Reader, to.(*gm.PublicKey), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func testImport(t *testing.T, f Fixture) {
	without(t, f.alg() != pki.SM2, "SM2")
	s := login(t, f)
	signing, inside := f.generate(t, s, signID), newSM2(t)
	der := envelope(t, signing, inside)
	for range 2 {
		if err := s.ImportEnveloped(t.Context(), encID, signID, der); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ImportEnveloped(t.Context(), encID, signID, envelope(t, signing, inside)); err != nil {
		t.Errorf("the same key in a fresh envelope: %v", err)
	}
	wantErr(t, "another key", s.ImportEnveloped(t.Context(), encID, signID, envelope(t, signing, newSM2(t))), ukey.ErrExists)
	wantErr(t, "an envelope for another token",
		s.ImportEnveloped(t.Context(), otherID, signID, envelope(t, newSM2(t).Public(), inside)), ukey.ErrNotOurs)
	if s.ImportEnveloped(t.Context(), otherID, signID, der[:len(der)-1]) == nil {
		t.Error("half an envelope was opened")
	}
	wantErr(t, "no signing key", s.ImportEnveloped(t.Context(), otherID, noID, der), ukey.ErrNotFound)
	d, err := s.Decrypter(encID)
	if err != nil {
		t.Fatal(err)
	}
	cert := NewCA(t, pki.SM2).Certify(t, inside.Public(), "加密", pki.EncryptionUsage)
	msg, err := cms.Encrypt(rand.Reader, []byte("投标文件"), []*pki.Certificate{cert}, cms.GMT0010)
	if err != nil {
		t.Fatal(err)
	}
	e, err := cms.ParseEnveloped(msg)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := e.Open(cert, d); err != nil || string(plain) != "投标文件" {
		t.Errorf("%q, %v", plain, err)
	}
	if keys, err := f.Token.Keys(t.Context()); err != nil || len(keys) != 2 {
		t.Errorf("a failed import left something: %v, %v", keys, err)
	}
}

func testCertificate(t *testing.T, f Fixture) {
	s, ca := login(t, f), NewCA(t, pki.SM2)
	cert := ca.Certify(t, f.generate(t, s, signID), "签名", pki.SigningUsage)
	wantErr(t, "no key", s.PutCertificate(t.Context(), otherID, cert.Raw), ukey.ErrNotFound)
	foreign := ca.Certify(t, newSM2(t).Public(), "别人", pki.SigningUsage)
	wantErr(t, "another key's", s.PutCertificate(t.Context(), signID, foreign.Raw), ukey.ErrCertMismatch)
	if s.PutCertificate(t.Context(), signID, cert.Raw[:40]) == nil {
		t.Error("half a certificate was written")
	}
	renewed := ca.Certify(t, cert.PublicKey, "签名", pki.SigningUsage)
	for _, c := range []*pki.Certificate{cert, cert, renewed} {
		if err := s.PutCertificate(t.Context(), signID, c.Raw); err != nil {
			t.Fatal(err)
		}
		keys, err := f.Reopen().Keys(t.Context())
		if err != nil || len(keys) != 1 || !bytes.Equal(keys[0].Certificate, c.Raw) {
			t.Fatalf("read back: %v, %v", keys, err)
		}
	}
}

func testUsage(t *testing.T, f Fixture) {
	s := login(t, f)
	signing := f.generate(t, s, signID)
	_, err := s.Decrypter(signID)
	wantErr(t, "decrypting with the signing key", err, ukey.ErrUsage)
	_, err = s.Signer(noID)
	wantErr(t, "signing with no key", err, ukey.ErrNotFound)
	_, err = s.Decrypter(noID)
	wantErr(t, "decrypting with no key", err, ukey.ErrNotFound)
	if f.alg() != pki.SM2 {
		return // there is nothing to import
	}
	if err := s.ImportEnveloped(t.Context(), encID, signID, envelope(t, signing, newSM2(t))); err != nil {
		t.Fatal(err)
	}
	_, err = s.Signer(encID)
	wantErr(t, "signing with the encryption key", err, ukey.ErrUsage)
	_, err = s.Generate(t.Context(), encID, pki.SM2)
	wantErr(t, "generating over the encryption key", err, ukey.ErrExists)
	wantErr(t, "importing over the signing key", s.ImportEnveloped(t.Context(), signID, signID, envelope(t, signing, newSM2(t))), ukey.ErrExists)
}

func testDelete(t *testing.T, f Fixture) {
	s := login(t, f)
	first := f.generate(t, s, signID)
	if err := s.Delete(t.Context(), signID); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "again", s.Delete(t.Context(), signID), ukey.ErrNotFound)
	_, err := s.Signer(signID)
	wantErr(t, "signing afterwards", err, ukey.ErrNotFound)
	if samePublic(t, first, f.generate(t, s, signID)) {
		t.Error("a deleted key came back")
	}
}

func testFull(t *testing.T, f Fixture) {
	without(t, f.Rooms == 0, "bound")
	s := login(t, f)
	for i := range f.Rooms {
		f.generate(t, s, ukey.KeyIDOf([16]byte{9, byte(i)}))
	}
	_, err := s.Generate(t.Context(), signID, f.alg())
	wantErr(t, "one too many", err, ukey.ErrFull)
	firstID := ukey.KeyIDOf([16]byte{9, 0})
	signing := f.generate(t, s, firstID) // an existing one costs no room
	wantErr(t, "importing one too many", s.ImportEnveloped(t.Context(), encID, firstID, envelope(t, signing, newSM2(t))), ukey.ErrFull)
	if info, err := f.Token.Info(t.Context()); err != nil || info.Free > 0 {
		t.Errorf("%+v, %v", info, err)
	}
}

func testOneSession(t *testing.T, f Fixture) {
	s := login(t, f)
	_, err := f.Reopen().Login(t.Context(), bytes.Clone(f.PIN))
	wantErr(t, "second login", err, ukey.ErrBusy)
	s.Close()
	login(t, f)
}

func testClosed(t *testing.T, f Fixture) {
	s := login(t, f)
	f.generate(t, s, signID)
	key, err := s.Signer(signID)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err = key.Sign(rand.Reader, make([]byte, 32), pki.SM2Opts)
	wantErr(t, "an old signer", err, ukey.ErrClosed)
	_, err = s.Generate(t.Context(), otherID, f.alg())
	wantErr(t, "generate", err, ukey.ErrClosed)
	wantErr(t, "delete", s.Delete(t.Context(), signID), ukey.ErrClosed)
}

func testPulled(t *testing.T, f Fixture) {
	without(t, f.Pull == nil, "way to be pulled")
	s := login(t, f)
	before := f.generate(t, s, signID)
	key, err := s.Signer(signID)
	if err != nil {
		t.Fatal(err)
	}
	f.Pull()
	_, err = f.Token.Info(t.Context())
	wantErr(t, "info", err, ukey.ErrRemoved)
	_, err = f.Token.Keys(t.Context())
	wantErr(t, "keys", err, ukey.ErrRemoved)
	_, err = f.Token.Login(t.Context(), bytes.Clone(f.PIN))
	wantErr(t, "login", err, ukey.ErrRemoved)
	wantErr(t, "change", f.Token.ChangePIN(t.Context(), bytes.Clone(f.PIN), ukey.PIN("new-Pin-82")), ukey.ErrRemoved)
	_, err = key.Sign(rand.Reader, make([]byte, 32), pki.SM2Opts)
	wantErr(t, "sign", err, ukey.ErrRemoved)
	_, err = s.Generate(t.Context(), otherID, f.alg())
	wantErr(t, "generate", err, ukey.ErrRemoved)
	wantErr(t, "delete", s.Delete(t.Context(), signID), ukey.ErrRemoved)
	wantErr(t, "certificate", s.PutCertificate(t.Context(), signID, nil), ukey.ErrRemoved)
	f.Plug()
	_, err = key.Sign(rand.Reader, make([]byte, 32), pki.SM2Opts)
	wantErr(t, "the old login after it is back", err, ukey.ErrRemoved)
	s.Close()
	f.Token = f.Reopen()
	if after := f.generate(t, login(t, f), signID); !samePublic(t, before, after) {
		t.Error("the key changed while it was out")
	}
}

func testCancelled(t *testing.T, f Fixture) {
	s := login(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Generate(ctx, signID, f.alg())
	wantErr(t, "generate", err, context.Canceled)
	if keys, err := f.Token.Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("a cancelled call did something: %v, %v", keys, err)
	}
}
