//go:build cgo

package pkcs11

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ukeytest"
)

func id(n byte) ukey.KeyID { return ukey.KeyIDOf([16]byte{n}) }

// must ends the test with an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func login(t testing.TB, token *Token) *Session {
	t.Helper()
	s, err := token.Login(context.Background(), ukey.PIN(testPIN))
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s.(*Session)
}

// seed puts old pairs on the key by its in-process driver: a key filled long ago is an ordinary one.
func (r *rig) seed(t testing.TB) (oldEnc *gm.PrivateKey) {
	t.Helper()
	token, err := softkey.Plugged(filepath.Join(r.slots, "key"))
	must(t, err)
	s, err := token.Open(t.Context(), ukey.PIN(testPIN))
	must(t, err)
	defer s.Close()
	for n, usage := range map[byte]ukey.Usage{1: ukey.Sign, 2: ukey.Encrypt} {
		key, err := gm.GenerateKey(rand.Reader)
		must(t, err)
		must(t, s.ImportKey(t.Context(), id(n), usage, key))
		if usage == ukey.Encrypt {
			oldEnc = key
		}
	}
	return oldEnc
}

// renewal is what an enrolment does to a key: a new signing pair, an encryption pair in an envelope, both certified, and the
// old signing pair away.
type renewal struct {
	ca     *ukeytest.CA
	inside *gm.PrivateKey
}

func (n renewal) run(ctx context.Context, t testing.TB, token *Token) (err error) {
	s, err := token.Login(ctx, ukey.PIN(testPIN))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	pub, err := s.Generate(ctx, id(3), pki.SM2)
	if err != nil {
		return err
	}
	der, err := cms.WrapKey(rand.Reader, pub.(*gm.PublicKey), n.inside)
	if err != nil {
		return err
	}
	if err := s.ImportEnveloped(ctx, id(4), id(3), der); err != nil {
		return err
	}
	if err := s.PutCertificate(ctx, id(3), n.ca.Certify(t, pub, "签名", pki.SigningUsage).Raw); err != nil {
		return err
	}
	if err := s.PutCertificate(ctx, id(4), n.ca.Certify(t, n.inside.Public(), "加密", pki.EncryptionUsage).Raw); err != nil {
		return err
	}
	if err := s.Delete(ctx, id(1)); err != nil && !errors.Is(err, ukey.ErrNotFound) {
		return err
	}
	return nil
}

// TestCrashAtEveryCall lets the module die at each call of a renewal in turn; doing it again ends with whole pairs only.
func TestCrashAtEveryCall(t *testing.T) {
	for name, change := range map[string]func(*profile){"unwrap": nil, "create": outside} {
		t.Run(name, func(t *testing.T) {
			n := renewal{ca: ukeytest.NewCA(t, pki.SM2)}
			var err error
			n.inside, err = gm.GenerateKey(rand.Reader)
			must(t, err)
			step := 17 // each run meets other calls
			if testing.Short() {
				step = 60
			} else if os.Getenv("SIGNET_SOAK") != "" {
				step = 1
			}
			for call := 1 + mathrand.IntN(step); ; call += step {
				r := newRig(t, change)
				oldEnc := r.seed(t)
				token := r.token(t)
				r.fault(t, fmt.Sprintf("crash:*@%d", call))
				err := n.run(t.Context(), t, token)
				r.fault(t, "")
				if err == nil && call < 40 {
					t.Fatalf("only %d calls, or a crash nobody noticed", call)
				}
				whole := err == nil
				if err == nil {
					err = n.run(t.Context(), t, token) // doing it again changes certificates and nothing else
				}
				for range 2 { // the first one may meet the worker's death
					if err != nil {
						err = n.run(t.Context(), t, token)
					}
				}
				must(t, err)
				r.check(t, call, n, oldEnc)
				must(t, r.driver.Close())
				if whole {
					return
				}
			}
		})
	}
}

// check looks at the key through its in-process driver: the old encryption pair, the two new ones, nothing else.
func (r *rig) check(t *testing.T, call int, n renewal, oldEnc *gm.PrivateKey) {
	t.Helper()
	token, err := softkey.Plugged(filepath.Join(r.slots, "key"))
	must(t, err)
	keys, err := token.Keys(t.Context())
	must(t, err)
	objects, err := token.Objects()
	must(t, err)
	if len(keys) != 3 || len(objects) != 0 {
		t.Fatalf("call %d: %d pairs and %d objects beside them", call, len(keys), len(objects))
	}
	for _, k := range keys[1:] {
		if k.Certificate == nil {
			t.Errorf("call %d: pair %s has no certificate", call, k.ID)
		}
	}
	s, err := token.Open(t.Context(), ukey.PIN(testPIN))
	must(t, err)
	defer s.Close()
	for at, key := range map[ukey.KeyID]*gm.PrivateKey{id(2): oldEnc, id(4): n.inside} {
		d, err := s.Decrypter(at)
		must(t, err)
		sealed, err := key.PublicKey().Encrypt(rand.Reader, []byte("旧标书"))
		must(t, err)
		if plain, err := d.Decrypt(nil, sealed, nil); err != nil || string(plain) != "旧标书" {
			t.Errorf("call %d: %q, %v", call, plain, err)
		}
	}
}

func sign(s *Session, n byte) ([]byte, error) {
	k, err := s.Signer(id(n))
	if err != nil {
		return nil, err
	}
	return pki.Sign(rand.Reader, k, pki.SM2WithSM3, []byte("一段要签名的文字"))
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		fault  string
		want   error
		within time.Duration
	}{
		{"flip:C_Sign", cryptoki.ErrWrongSignature, time.Second},
		{"drop:C_Sign", ukey.ErrClosed, time.Second},
		{"crash:C_Sign", ukey.ErrClosed, 2 * time.Second},
		{"hang:C_Sign", ukey.ErrClosed, 5 * time.Second},
		{"error:C_Sign:0x32", ukey.ErrRemoved, time.Second},
		{"error:C_SignInit:0x101", ukey.ErrClosed, time.Second},
		{"error:C_Sign:0x54", &cryptoki.Error{Code: 0x54}, time.Second},
		{"slow:C_Sign:300ms", nil, time.Second},
	} {
		t.Run(c.fault, func(t *testing.T) {
			r := newRig(t, nil)
			s := login(t, r.token(t))
			pub, err := s.Generate(t.Context(), id(1), pki.SM2)
			must(t, err)
			k, err := s.Signer(id(1))
			must(t, err)
			r.fault(t, c.fault)
			start := time.Now()
			sig, err := pki.Sign(rand.Reader, k, pki.SM2WithSM3, []byte("x"))
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if err == nil {
				must(t, pki.Verify(pub, pki.SM2WithSM3, []byte("x"), sig))
			}
			if took := time.Since(start); took > c.within {
				t.Errorf("took %s", took)
			}
			r.fault(t, "")
			must(t, s.Close())
			if _, err := sign(login(t, r.token(t)), 1); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestOtherTokenInTheSlot swaps two tokens in the middle of a session: slots are never remembered.
func TestOtherTokenInTheSlot(t *testing.T) {
	r := newRig(t, nil)
	r.add(t, "second", "SK-0002")
	tokens, err := r.driver.Tokens(t.Context())
	if err != nil || len(tokens) != 2 {
		t.Fatal(tokens, err)
	}
	first := tokens[0].(*Token)
	s := login(t, first)
	pub, err := s.Generate(t.Context(), id(1), pki.SM2)
	must(t, err)
	k, err := s.Signer(id(1))
	must(t, err)
	r.fault(t, "other:C_GetSessionInfo@1")
	if _, err := k.Sign(rand.Reader, make([]byte, 32), pki.SM2Opts); !errors.Is(err, ukey.ErrRemoved) {
		t.Errorf("signing over another token: %v", err)
	}
	must(t, s.Close())
	r.fault(t, "")
	sig, err := sign(login(t, first), 1)
	must(t, err)
	must(t, pki.Verify(pub, pki.SM2WithSM3, []byte("一段要签名的文字"), sig))
	if keys, err := tokens[1].Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("the other token: %v, %v", keys, err)
	}
}

func TestUnblock(t *testing.T) {
	r := newRig(t, nil)
	token, ctx := r.token(t), t.Context()
	for range 6 {
		token.Login(ctx, ukey.PIN("wrong-PIN"))
	}
	if _, err := token.Login(ctx, ukey.PIN(testPIN)); !errors.Is(err, ukey.ErrLocked) {
		t.Fatal(err)
	}
	var wrong *ukey.PINError
	if err := token.Unblock(ctx, ukey.PIN("wrong-SO"), ukey.PIN("new-Pin-82")); !errors.As(err, &wrong) {
		t.Errorf("wrong SO PIN: %v", err)
	}
	if err := token.Unblock(ctx, ukey.PIN(testSO), ukey.PIN("111111")); !errors.Is(err, ukey.ErrWeakPIN) {
		t.Errorf("weak: %v", err)
	}
	must(t, token.Unblock(ctx, ukey.PIN(testSO), ukey.PIN("new-Pin-82")))
	s, err := token.Login(ctx, ukey.PIN("new-Pin-82"))
	must(t, err)
	must(t, s.Close())
	for range 6 {
		err = token.Unblock(ctx, ukey.PIN("wrong-SO"), ukey.PIN("new-Pin-83"))
	}
	if !errors.Is(err, ukey.ErrLocked) {
		t.Errorf("the last wrong SO PIN: %v", err)
	}
	if err := token.Unblock(ctx, ukey.PIN(testSO), ukey.PIN("new-Pin-83")); !errors.Is(err, ukey.ErrLocked) {
		t.Errorf("right SO PIN on a locked one: %v", err)
	}
}

func TestInitialise(t *testing.T) {
	r := newRig(t, nil)
	must(t, os.Mkdir(filepath.Join(r.slots, "blank"), 0o700))
	ctx := t.Context()
	blanks, err := r.driver.Blanks(ctx)
	if err != nil || len(blanks) != 1 {
		t.Fatal(blanks, err)
	}
	if _, err := r.driver.Initialise(ctx, blanks[0], "新的", ukey.PIN(testSO), ukey.PIN("123456")); !errors.Is(err, ukey.ErrWeakPIN) {
		t.Errorf("weak PIN: %v", err)
	}
	token, err := r.driver.Initialise(ctx, blanks[0], "新的 UKey", ukey.PIN(testSO), ukey.PIN(testPIN))
	must(t, err)
	info, err := token.Info(ctx)
	if err != nil || info.Label != "新的 UKey" || !info.Simulated || !info.Initialised || info.PINTriesLeft != 6 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := login(t, token.(*Token)).Generate(ctx, id(1), pki.P256); err != nil {
		t.Error(err)
	}
	if _, err := r.driver.Initialise(ctx, blanks[0], "nochmal", ukey.PIN(testSO), ukey.PIN(testPIN)); !errors.Is(err, ukey.ErrNotBlank) {
		t.Errorf("a token that is not blank any more: %v", err)
	}
}

// TestEncodings decrypts what other software may send.
func TestEncodings(t *testing.T) {
	for name, change := range map[string]func(*profile){"mechanism": nil, "ECDH": byECDH} {
		r := newRig(t, change)
		key := r.seed(t)
		d, err := login(t, r.token(t)).Decrypter(id(2))
		must(t, err)
		for range 8 { // x alone leaves two candidates for y
			der, err := key.PublicKey().Encrypt(rand.Reader, []byte("投标文件"))
			must(t, err)
			c, err := gm.ParseCiphertext(der)
			must(t, err)
			for form, sealed := range map[string][]byte{"DER": der, "C1C3C2": c.C1C3C2(), "C1C2C3": c.C1C2C3(), "without 04": c.C1C3C2()[1:]} {
				if plain, err := d.Decrypt(nil, sealed, nil); err != nil || string(plain) != "投标文件" {
					t.Errorf("%s %s: %q, %v", name, form, plain, err)
				}
			}
			der[len(der)-1] ^= 1
			if _, err := d.Decrypt(nil, der, nil); !errors.Is(err, gm.ErrDecrypt) {
				t.Errorf("%s, spoilt: %v", name, err)
			}
		}
	}
}

// TestNoPINInErrors makes every call with a PIN fail in every way and reads what is said.
func TestNoPINInErrors(t *testing.T) {
	r := newRig(t, nil)
	token, ctx := r.token(t), t.Context()
	var said strings.Builder
	for _, code := range []string{"0x5", "0x7", "0x30", "0xa0", "0xa1", "0xa4", "0x100", "0x101", "0x150"} {
		for _, f := range []string{"C_Login", "C_SetPIN", "C_InitPIN", "C_OpenSession", "C_Logout"} {
			r.fault(t, "error:"+f+":"+code)
			_, err1 := token.Login(ctx, ukey.PIN("Canary-4711"))
			err2 := token.ChangePIN(ctx, ukey.PIN("Canary-4711"), ukey.PIN("Canary-4712"))
			err3 := token.Unblock(ctx, ukey.PIN("Canary-4713"), ukey.PIN("Canary-4714"))
			fmt.Fprintf(&said, "%v %+v %#v\n", err1, err2, err3)
			r.fault(t, "")
		}
	}
	if said.Len() < 1000 || strings.Contains(said.String(), "Canary") || strings.Contains(said.String(), "43616e617279") {
		t.Error(said.String())
	}
}

// TestHalfPairs lays out what crashes leave on tokens that write objects one by one.
func TestHalfPairs(t *testing.T) {
	d := softHSM(t)
	token := only(t, d)
	s := login(t, token)
	ctx := t.Context()
	half := func(n byte) *group {
		t.Helper()
		_, err := s.Generate(ctx, id(n), pki.P256)
		must(t, err)
		g, err := s.under(ctx, id(n))
		must(t, err)
		return g
	}
	must(t, s.c.Destroy(ctx, half(1).private[0])) // a public half alone, marked
	must(t, s.c.Destroy(ctx, half(2).public[0]))  // a private half alone
	g3 := half(3)
	must(t, s.c.Destroy(ctx, g3.private[0])) // halves of two pairs
	raw := [16]byte{4}
	_, _, err := s.profile.GenerateKeyPair(ctx, s.c, cryptoki.KeySpec{Alg: pki.P256, ID: raw[:], Token: true, Sign: true})
	must(t, err) // whole, but cut off before the mark
	keys, err := token.Keys(ctx)
	must(t, err)
	for _, k := range keys {
		if k.ID == id(2) || k.ID == id(4) {
			t.Errorf("%s is listed", k.ID)
		}
	}
	for n := byte(1); n <= 4; n++ {
		if _, err := s.Signer(id(n)); n < 4 && !errors.Is(err, ukey.ErrNotFound) {
			t.Errorf("half pair %d: %v", n, err)
		}
		pub, err := s.Generate(ctx, id(n), pki.P256)
		must(t, err)
		g, err := s.under(ctx, id(n))
		if err != nil || len(g.private) != 1 || len(g.public) != 1 || g.mark != ukey.Sign {
			t.Errorf("%d: %+v, %v", n, g, err)
		}
		k, err := s.Signer(id(n))
		must(t, err)
		alg, err := pki.SigAlgFor(pub)
		must(t, err)
		if sig, err := pki.Sign(rand.Reader, k, alg, []byte("x")); err != nil || pki.Verify(pub, alg, []byte("x"), sig) != nil {
			t.Error(err)
		}
	}
	if keys, err = token.Keys(ctx); err != nil || len(keys) != 4 {
		t.Errorf("%v, %v", keys, err)
	}
}

// TestTwoCertificates is what a crash between the new certificate and the old one's removal leaves.
func TestTwoCertificates(t *testing.T) {
	d := softHSM(t)
	token, ca := only(t, d), ukeytest.NewCA(t, pki.P256)
	s, ctx := login(t, token), t.Context()
	pub, err := s.Generate(ctx, id(1), pki.P256)
	must(t, err)
	g, err := s.pair(ctx, id(1))
	must(t, err)
	old, renewed := ca.Certify(t, pub, "签名", pki.SigningUsage), ca.Certify(t, pub, "签名", pki.SigningUsage)
	must(t, s.create(ctx, g, old))
	must(t, s.create(ctx, g, renewed))
	must(t, s.PutCertificate(ctx, id(1), renewed.Raw))
	keys, err := token.Keys(ctx)
	if err != nil || len(keys) != 1 || !bytes.Equal(keys[0].Certificate, renewed.Raw) {
		t.Errorf("%v, %v", keys, err)
	}
	if g, err = s.under(ctx, id(1)); err != nil || len(g.certs) != 1 {
		t.Errorf("%d certificates, %v", len(g.certs), err)
	}
}

func TestProfiles(t *testing.T) {
	files, err := profileFiles.ReadDir("profiles")
	must(t, err)
	for _, f := range files {
		p, err := cryptoki.ProfileNamed(strings.TrimSuffix(f.Name(), ".yaml"))
		must(t, err)
		if mine, err := profileFor(p); err != nil || mine.Source == "" {
			t.Errorf("%s: %v", f.Name(), err)
		}
	}
	for _, bad := range []string{"", "name: x", "name: x\nsource: y\nnosuch: 1", "name: [", "source: x"} {
		if _, err := parseProfile([]byte(bad)); !errors.Is(err, cryptoki.ErrProfile) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if p, err := profileFor(&cryptoki.Profile{Name: "nobody"}); err != nil || p.Simulated || p.opens() {
		t.Errorf("%+v, %v", p, err)
	}
}

// BenchmarkSign is SM2 signatures of one session with the software key, through its library and without.
func BenchmarkSign(b *testing.B) {
	for name, session := range map[string]func(*testing.B) ukey.Session{
		"worker":     func(b *testing.B) ukey.Session { return login(b, newRig(b, nil).token(b)) },
		"in-process": loadedHere,
		"no-module":  direct,
	} {
		b.Run(name, func(b *testing.B) {
			s := session(b)
			_, err := s.Generate(b.Context(), id(1), pki.SM2)
			must(b, err)
			k, err := s.Signer(id(1))
			must(b, err)
			digest := make([]byte, 32)
			for b.Loop() {
				if _, err := k.Sign(rand.Reader, digest, pki.SM2Opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// loadedHere is the module in this process.
func loadedHere(b *testing.B) ukey.Session {
	r := newRig(b, nil)
	b.Setenv("SOFTKEY_DIR", r.slots)
	path := ukeytest.Module(b)
	d, err := Open(b.Context(), Config{Cryptoki: cryptoki.Config{Path: path, Dirs: []string{filepath.Dir(path)}, OwnDirs: true, InProcess: true}})
	must(b, err)
	b.Cleanup(func() { d.Close() })
	return login(b, only(b, d))
}

// direct is the software key by its in-process driver.
func direct(b *testing.B) ukey.Session {
	r := newRig(b, nil)
	token, err := softkey.Plugged(filepath.Join(r.slots, "key"))
	must(b, err)
	s, err := token.Login(b.Context(), ukey.PIN(testPIN))
	must(b, err)
	b.Cleanup(func() { s.Close() })
	return s
}

func TestWatch(t *testing.T) {
	r := newRig(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	events := ukey.Watch(ctx, r.driver, 20*time.Millisecond)
	next := func(want ukey.Event) {
		t.Helper()
		select {
		case e := <-events:
			if e != want {
				t.Errorf("%+v, want %+v", e, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("nothing said of %+v", want)
		}
	}
	next(ukey.Event{Serial: "SK-0001", Plugged: true})
	r.move(t, "key", ".away")()
	next(ukey.Event{Serial: "SK-0001", Plugged: false})
	r.fault(t, "error:C_GetSlotList:0x5") // a module in trouble is no reason to say anything
	r.move(t, ".away", "key")()
	select {
	case e := <-events:
		t.Errorf("%+v from a module that does not answer", e)
	case <-time.After(150 * time.Millisecond):
	}
	r.fault(t, "")
	next(ukey.Event{Serial: "SK-0001", Plugged: true})
	stop()
	for range events {
	}
}

// TestRSADecryption is for legacy RSA pairs: PKCS #1 v1.5 tells nobody whether it worked.
func TestRSADecryption(t *testing.T) {
	r := newRig(t, nil)
	token, err := softkey.Plugged(filepath.Join(r.slots, "key"))
	must(t, err)
	old, err := token.Open(t.Context(), ukey.PIN(testPIN))
	must(t, err)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	must(t, old.ImportKey(t.Context(), id(7), ukey.Encrypt, key))
	must(t, old.Close())
	d, err := login(t, r.token(t)).Decrypter(id(7))
	must(t, err)
	secret := bytes.Repeat([]byte{5}, 16)
	for name, opts := range map[string]any{"v1.5": nil, "v1.5 session": &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 16},
		"SHA-1": &rsa.OAEPOptions{Hash: crypto.SHA1}, "SHA-256": &rsa.OAEPOptions{Hash: crypto.SHA256}} {
		sealed, err := rsa.EncryptPKCS1v15(rand.Reader, &key.PublicKey, secret)
		if o, oaep := opts.(*rsa.OAEPOptions); oaep {
			sealed, err = rsa.EncryptOAEP(o.Hash.New(), rand.Reader, &key.PublicKey, secret, nil)
		}
		must(t, err)
		if plain, err := d.Decrypt(nil, sealed, opts); err != nil || !bytes.Equal(plain, secret) {
			t.Errorf("%s: %x, %v", name, plain, err)
		}
	}
	noise := make([]byte, 256)
	noise[1] = 1
	plain, err := d.Decrypt(nil, noise, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 16})
	if err != nil || len(plain) != 16 {
		t.Errorf("a spoilt session key is told apart: %x, %v", plain, err)
	}
	if _, err := d.Decrypt(nil, noise, &rsa.OAEPOptions{Hash: crypto.SHA512}); !errors.Is(err, ukey.ErrUnsupported) {
		t.Error(err)
	}
}

// TestForeignPair is a key that other software filled: its ids are of any length, and no mark is on it.
func TestForeignPair(t *testing.T) {
	d, ca := softHSM(t), ukeytest.NewCA(t, pki.P256)
	token := only(t, d)
	s, ctx := login(t, token), t.Context()
	raw := []byte("容器 1")
	pubObject, _, err := s.profile.GenerateKeyPair(ctx, s.c, cryptoki.KeySpec{Alg: pki.P256, ID: raw, Label: "alt", Token: true, Sign: true})
	must(t, err)
	pub, err := s.profile.PublicKey(ctx, s.c, pubObject)
	must(t, err)
	if keys, err := token.Keys(ctx); err != nil || len(keys) != 0 {
		t.Fatalf("neither marked nor certified: %v, %v", keys, err)
	}
	must(t, s.create(ctx, &group{raw: raw}, ca.Certify(t, pub, "旧证书", pki.SigningUsage)))
	keys, err := token.Keys(ctx)
	if err != nil || len(keys) != 1 || keys[0].Usage != ukey.Sign || keys[0].Certificate == nil {
		t.Fatalf("%v, %v", keys, err)
	}
	k, err := s.Signer(keys[0].ID)
	must(t, err)
	sig, err := pki.Sign(rand.Reader, k, pki.ECDSAWithSHA256, []byte("x"))
	must(t, err)
	must(t, pki.Verify(pub, pki.ECDSAWithSHA256, []byte("x"), sig))
	renewed := ca.Certify(t, pub, "新证书", pki.SigningUsage)
	must(t, s.PutCertificate(ctx, keys[0].ID, renewed.Raw))
	if keys, err = token.Keys(ctx); err != nil || len(keys) != 1 || !bytes.Equal(keys[0].Certificate, renewed.Raw) {
		t.Errorf("%v, %v", keys, err)
	}
	if _, err := s.Generate(ctx, keys[0].ID, pki.RSA2048); !errors.Is(err, ukey.ErrExists) {
		t.Errorf("generating over it: %v", err)
	}
	must(t, s.Delete(ctx, keys[0].ID))
	if left, err := s.scan(ctx); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
