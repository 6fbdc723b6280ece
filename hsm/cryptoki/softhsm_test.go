package cryptoki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm/hsmtest"
)

func TestTokenLife(t *testing.T) {
	bothWays(t, func(t *testing.T, m *Module) {
		ctx := context.Background()
		if p := profile(t, m); p.Name != "softhsm" {
			t.Fatalf("profile %s", p.Name)
		}
		ref := initToken(t, m, "alpha")
		initToken(t, m, "beta")
		for _, ref := range []TokenRef{{}, {Label: "gamma"}, {Serial: ref.Serial, Label: "beta"}} {
			if _, err := m.FindToken(ctx, ref); !errors.Is(err, ErrNoToken) {
				t.Fatalf("token %+v: %v", ref, err)
			}
		}
		slot := must(m.FindToken(ctx, ref))(t)
		mechs := must(m.Mechanisms(ctx, slot.ID))(t)
		if p := profile(t, m); !p.CanSign(mechs, pki.P256) || !p.CanSign(mechs, pki.RSA2048) || p.CanSign(mechs, pki.SM2) {
			t.Fatal("what SoftHSM can sign with")
		}
		if i := must(m.MechanismInfo(ctx, slot.ID, CKM_RSA_PKCS_KEY_PAIR_GEN))(t); i.MaxKey < 4096 {
			t.Fatalf("RSA up to %d bits", i.MaxKey)
		}
		s := must(m.OpenSession(ctx, slot.ID, true))(t)
		if err := s.Login(ctx, NormalUser, []byte("000000")); ClassOf(err) != ClassPIN || CodeOf(err) != CKR_PIN_INCORRECT || strings.Contains(err.Error(), "000000") {
			t.Fatalf("wrong PIN: %v", err)
		}
		check(t, s.Login(ctx, NormalUser, []byte(userPIN)))
		if in, err := s.Alive(ctx); err != nil || !in {
			t.Fatalf("logged in: %v, %v", in, err)
		}
		if err := s.Login(ctx, NormalUser, []byte(userPIN)); CodeOf(err) != CKR_USER_ALREADY_LOGGED_IN {
			t.Fatalf("again: %v", err)
		}
		check(t, s.SetPIN(ctx, []byte(userPIN), []byte("654321")))
		check(t, s.Logout(ctx))
		if err := s.Login(ctx, NormalUser, []byte(userPIN)); ClassOf(err) != ClassPIN {
			t.Fatalf("old PIN: %v", err)
		}
		check(t, s.Login(ctx, NormalUser, []byte("654321")))
		check(t, m.CloseAllSessions(ctx, slot.ID))
		if _, err := s.Alive(ctx); ClassOf(err) != ClassSession {
			t.Fatalf("closed session: %v", err)
		}
		check(t, s.Close(ctx))
		if err := m.InitToken(ctx, slot.ID, []byte("99999999"), "x"); ClassOf(err) != ClassPIN {
			t.Fatalf("wiping with a wrong SO PIN: %v", err)
		}
	})
}

func TestKeys(t *testing.T) {
	bothWays(t, func(t *testing.T, m *Module) {
		ctx := context.Background()
		s := loggedIn(t, m, initToken(t, m, "keys"))
		p := profile(t, m)
		for alg, hash := range map[pki.KeyAlg]crypto.Hash{pki.P256: crypto.SHA256, pki.P384: crypto.SHA384, pki.RSA2048: crypto.SHA256} {
			id := []byte("id of " + string(alg))
			pubO, priv := pair(t, m, s, KeySpec{Alg: alg, Label: "label", ID: id, Token: true, Sign: true})
			pub := must(p.PublicKey(ctx, s, pubO))(t)
			if got, _ := pki.AlgOf(pub); got != alg {
				t.Fatalf("%s came out as %s", alg, got)
			}
			digest := make([]byte, hash.Size())
			_, _ = rand.Read(digest)
			must(p.Sign(ctx, s, priv, pub, digest, hash))(t)
			if _, err := p.Sign(ctx, s, priv, pub, digest[:20], hash); !errors.Is(err, ErrKey) {
				t.Fatalf("short digest: %v", err)
			}
			other := must(pki.GenerateKey(alg, nil))(t)
			if _, err := p.Sign(ctx, s, priv, other.Public(), digest, hash); !errors.Is(err, ErrWrongSignature) {
				t.Fatalf("signature of another key: %v", err)
			}
			found := must(s.Find(ctx, []Attr{Number(CKA_CLASS, CKO_PRIVATE_KEY), Bytes(CKA_ID, id)}, 0))(t)
			if len(found) != 1 || found[0] != priv {
				t.Fatalf("found %v, want %v", found, priv)
			}
			attrs := must(s.Attributes(ctx, priv, CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_LABEL))(t)
			if len(attrs) != 3 || !BoolIn(attrs, CKA_SENSITIVE) || BoolIn(attrs, CKA_EXTRACTABLE) || string(Value(attrs, CKA_LABEL)) != "label" {
				t.Fatalf("attributes of a private key: %d", len(attrs))
			}
			check(t, s.SetAttributes(ctx, priv, []Attr{Text(CKA_LABEL, "renamed")}))
			if left := must(s.Find(ctx, []Attr{Text(CKA_LABEL, "renamed")}, 5))(t); len(left) != 1 {
				t.Fatalf("%d renamed", len(left))
			}
			check(t, s.Destroy(ctx, priv))
			if _, err := p.Sign(ctx, s, priv, pub, digest, hash); err == nil {
				t.Fatal("a destroyed key signs")
			}
		}
		if _, _, err := p.GenerateKeyPair(ctx, s, KeySpec{Alg: pki.SM2, Sign: true}); !errors.Is(err, ErrKey) {
			t.Fatalf("SM2 signing key in SoftHSM: %v", err)
		}
	})
}

func TestDeriveDecryptWrap(t *testing.T) {
	m := openSoftHSM(t, nil)
	ctx := context.Background()
	s := loggedIn(t, m, initToken(t, m, "keys"))
	p := profile(t, m)

	pubO, priv := pair(t, m, s, KeySpec{Alg: pki.P256, Decrypt: true})
	pub := must(p.PublicKey(ctx, s, pubO))(t).(*ecdsa.PublicKey)
	mine := must(ecdh.P256().GenerateKey(rand.Reader))(t)
	theirs := must(pub.ECDH())(t)
	if x := must(p.SharedX(ctx, s, priv, mine.PublicKey().Bytes(), 32))(t); !bytes.Equal(x, must(mine.ECDH(theirs))(t)) {
		t.Fatal("derived secrets differ")
	}

	pubO, priv = pair(t, m, s, KeySpec{Alg: pki.SM2, Decrypt: true})
	sm2 := must(p.PublicKey(ctx, s, pubO))(t).(*gm.PublicKey)
	for range 20 {
		c := must(gm.ParseCiphertext(must(sm2.Encrypt(nil, []byte("秘密 secret")))(t)))(t)
		if got := must(p.DecryptSM2(ctx, s, priv, c))(t); string(got) != "秘密 secret" {
			t.Fatalf("decrypted %q", got)
		}
		c.C3[0] ^= 1
		if _, err := p.DecryptSM2(ctx, s, priv, c); !errors.Is(err, gm.ErrDecrypt) {
			t.Fatalf("changed ciphertext: %v", err)
		}
	}

	pubO, priv = pair(t, m, s, KeySpec{Alg: pki.RSA2048, Decrypt: true})
	rsaPub := must(p.PublicKey(ctx, s, pubO))(t).(*rsa.PublicKey)
	sealed := must(rsa.EncryptOAEP(sha1.New(), rand.Reader, rsaPub, []byte("hello"), nil))(t)
	if got := must(s.Decrypt(ctx, OAEPSHA1(), priv, sealed))(t); string(got) != "hello" {
		t.Fatalf("decrypted %q", got)
	}
	if got := must(s.Random(ctx, 100))(t); len(got) != 100 || bytes.Equal(got, make([]byte, 100)) {
		t.Fatal("random")
	}
	aes := must(s.GenerateKey(ctx, Mech(CKM_AES_KEY_GEN), []Attr{Number(CKA_VALUE_LEN, 32), Bool(CKA_ENCRYPT, true), Bool(CKA_DECRYPT, true),
		Bool(CKA_TOKEN, false), Bool(CKA_WRAP, true)}))(t)
	iv := make([]byte, 12)
	for _, plain := range []string{"", "x", strings.Repeat("long ", 500)} {
		enc := must(s.Encrypt(ctx, AESGCM(iv, []byte("aad")), aes, []byte(plain)))(t)
		if len(enc) != len(plain)+16 {
			t.Fatalf("%d bytes encrypt to %d", len(plain), len(enc))
		}
		if got := must(s.Decrypt(ctx, AESGCM(iv, []byte("aad")), aes, enc))(t); string(got) != plain {
			t.Fatalf("decrypted %q", got)
		}
		if _, err := s.Decrypt(ctx, AESGCM(iv, []byte("other")), aes, enc); err == nil {
			t.Fatal("another aad passes")
		}
	}
	if _, err := s.Wrap(ctx, Mech(CKM_AES_KEY_WRAP_PAD), aes, priv); err == nil {
		t.Fatal("a key that is not extractable was wrapped")
	}
}

// TestImport brings a software key of each kind in and uses it.
func TestImport(t *testing.T) {
	m := openSoftHSM(t, nil)
	ctx := context.Background()
	s := loggedIn(t, m, initToken(t, m, "keys"))
	p := profile(t, m)
	for alg, hash := range map[pki.KeyAlg]crypto.Hash{pki.P256: crypto.SHA256, pki.P384: crypto.SHA384, pki.RSA2048: crypto.SHA256} {
		key := must(pki.GenerateKey(alg, nil))(t)
		pubO, priv, err := p.ImportKey(ctx, s, KeySpec{Alg: alg, Label: "in", ID: []byte{1}, Token: true, Sign: true}, key)
		check(t, err)
		pub := must(p.PublicKey(ctx, s, pubO))(t)
		if !pub.(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
			t.Fatal("public key changed on its way")
		}
		digest := make([]byte, hash.Size())
		must(p.Sign(ctx, s, priv, pub, digest, hash))(t)
		attrs := must(s.Attributes(ctx, priv, CKA_SENSITIVE, CKA_EXTRACTABLE))(t)
		if !BoolIn(attrs, CKA_SENSITIVE) || BoolIn(attrs, CKA_EXTRACTABLE) {
			t.Fatal("an imported key can leave")
		}
	}
	if n := len(must(s.Find(ctx, nil, 0))(t)); n != 6 {
		t.Fatalf("%d objects after three imports", n)
	}
}

func workerPID(t testing.TB, m *Module) int {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.backend.(*remote).cmd.Process.Pid
}

func TestWorkerDiesAndHangs(t *testing.T) {
	m := openSoftHSM(t, func(c *Config) { c.CallFor = time.Second })
	ctx := context.Background()
	ref := initToken(t, m, "keys")
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGSTOP} {
		s := loggedIn(t, m, ref)
		gen := m.Generation()
		check(t, syscall.Kill(workerPID(t, m), sig))
		began := time.Now()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := m.Info(ctx)
				if err != nil && ClassOf(err) != ClassFatal {
					t.Errorf("%v: %v", sig, err)
				}
			})
		}
		_, err := s.Random(ctx, 8)
		if err == nil || ClassOf(err) != ClassFatal && ClassOf(err) != ClassSession {
			t.Fatalf("%v: %v", sig, err)
		}
		wg.Wait()
		if took := time.Since(began); took > 3*time.Second {
			t.Fatalf("%v: %s until the callers knew", sig, took)
		}
		again := loggedIn(t, m, ref)
		must(again.Random(ctx, 8))(t)
		if m.Generation() <= gen {
			t.Fatal("generation stands still")
		}
		if _, err := s.Random(ctx, 8); !errors.Is(err, ErrStale) {
			t.Fatalf("session of the dead worker: %v", err)
		}
		check(t, s.Close(ctx))
	}
}

func TestReset(t *testing.T) {
	bothWays(t, func(t *testing.T, m *Module) {
		ctx := context.Background()
		ref := initToken(t, m, "keys")
		s := loggedIn(t, m, ref)
		gen := m.Generation()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { check(t, m.Reset(ctx, gen)) })
		}
		wg.Wait()
		if m.Generation() != gen+1 {
			t.Fatalf("eight resets of one generation made %d new ones", m.Generation()-gen)
		}
		if _, err := s.Random(ctx, 8); !errors.Is(err, ErrStale) {
			t.Fatalf("old session: %v", err)
		}
		must(loggedIn(t, m, ref).Random(ctx, 8))(t)
	})
}

// TestOneSessionManyGoroutines would corrupt SoftHSM's memory if calls of one session overlapped (measurements §4).
func TestOneSessionManyGoroutines(t *testing.T) {
	bothWays(t, func(t *testing.T, m *Module) {
		ctx := context.Background()
		s := loggedIn(t, m, initToken(t, m, "keys"))
		p := profile(t, m)
		pubO, priv := pair(t, m, s, KeySpec{Alg: pki.P256, Sign: true})
		pub := must(p.PublicKey(ctx, s, pubO))(t)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 40 {
					digest := make([]byte, 32)
					digest[0] = byte(i)
					if _, err := p.Sign(ctx, s, priv, pub, digest, crypto.SHA256); err != nil {
						t.Error(err)
					}
					short, cancel := context.WithTimeout(ctx, 50*time.Microsecond) // callers that give up leave nothing behind
					_, _ = p.Sign(short, s, priv, pub, digest, crypto.SHA256)
					cancel()
				}
			})
		}
		wg.Wait()
		if m.Generation() != 1 {
			t.Fatal("impatient callers restarted the module")
		}
	})
}

// TestNoPINStays looks for a PIN in all memory of this process and of the worker after it was used; it is put together only in
// buffers that are wiped.
func TestNoPINStays(t *testing.T) {
	bothWays(t, func(t *testing.T, m *Module) {
		ctx := context.Background()
		ref := initToken(t, m, "keys")
		mask := []byte("4711081542")
		pin := make([]byte, len(mask))
		spell := func() []byte {
			for i := range mask {
				pin[i] = mask[i] ^ 3 // spelled out nowhere else
			}
			return pin
		}
		s := loggedIn(t, m, ref)
		check(t, s.SetPIN(ctx, []byte(userPIN), spell()))
		check(t, s.Logout(ctx))
		check(t, s.Login(ctx, NormalUser, spell()))
		if hits := hsmtest.InMemory(t, os.Getpid(), mask); hits == 0 {
			t.Fatal("the search does not find what is there")
		}
		clear(pin)
		pids := []int{os.Getpid()}
		if !m.c.InProcess {
			pids = append(pids, workerPID(t, m))
		}
		for _, pid := range pids {
			if hits := hsmtest.InMemory(t, pid, mask); hits > 0 {
				t.Errorf("process %d of %v still holds the PIN %d times", pid, pids, hits)
			}
		}
	})
}
