package pool_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/cryptoki"
	"signet/hsm/hsmtest"
	"signet/hsm/pool"
)

func TestContract(t *testing.T) {
	for name, change := range map[string]func(*cryptoki.Config){
		"worker":     nil,
		"in process": func(c *cryptoki.Config) { c.InProcess = true },
	} {
		t.Run(name, func(t *testing.T) {
			r := softHSM(t, change)
			tokens := map[hsm.Keystore]cryptoki.TokenRef{}
			hsmtest.TestKeystore(t, func(t testing.TB) hsm.Keystore {
				ref := r.token(t)
				p := r.open(t, ref, nil)
				tokens[p] = ref
				return p
			}, func(t testing.TB, k hsm.Keystore) hsm.Keystore {
				check(t, r.m.Reset(context.Background(), r.m.Generation()))
				return r.open(t, tokens[k], nil)
			}, pki.P256, pki.P384, pki.RSA2048)
		})
	}
}

func TestWrongPINIsTriedOnce(t *testing.T) {
	r := softHSM(t, nil)
	ref := r.token(t)
	ctx := context.Background()
	var asked atomic.Int64
	right := atomic.Bool{}
	source := func() ([]byte, error) {
		asked.Add(1)
		if right.Load() {
			return []byte(userPIN), nil
		}
		return []byte("000000"), nil
	}
	if _, err := pool.Open(ctx, pool.Config{Module: r.m, Token: ref, PIN: source}); !errors.Is(err, hsm.ErrLocked) || asked.Load() != 1 {
		t.Fatalf("wrong PIN at the start, asked %d times: %v", asked.Load(), err)
	}
	right.Store(true)
	var log bytes.Buffer // read when nobody writes any more
	p := r.open(t, ref, func(c *pool.Config) { c.PIN, c.Log = source, slog.New(slog.NewTextHandler(&log, nil)) })
	made := must(p.Generate(ctx, "a", pki.P256))(t)
	right.Store(false)
	asked.Store(0)
	check(t, r.m.Reset(ctx, r.m.Generation())) // everybody must log in again, with a PIN that was changed meanwhile
	for range 20 {
		if _, err := p.Signer(ctx, made); !errors.Is(err, hsm.ErrLocked) {
			t.Fatalf("after the PIN was refused: %v", err)
		}
	}
	if asked.Load() != 1 || !p.Stats().Locked {
		t.Fatalf("asked for the PIN %d times, locked %v", asked.Load(), p.Stats().Locked)
	}
	right.Store(true)
	p.Unlock()
	must(p.Signer(ctx, made))(t)
	check(t, p.Close())
	if text := log.String(); !strings.Contains(text, "refuses the PIN") || strings.Contains(text, "000000") || strings.Contains(text, userPIN) {
		t.Fatalf("the log: %s", text)
	}
	if _, err := p.Signer(ctx, made); !errors.Is(err, pool.ErrClosed) {
		t.Fatalf("closed pool: %v", err)
	}
}

func TestAttest(t *testing.T) {
	r := softHSM(t, nil)
	p := r.open(t, r.token(t), nil)
	ctx := context.Background()
	made := must(p.Generate(ctx, "made", pki.P256))(t)
	a := must(p.Attest(ctx, made))(t)
	if !a.Local || !a.Sensitive || a.Extractable || !a.AlwaysSensitive || !a.NeverExtractable || a.Token.Serial == "" {
		t.Fatalf("a key made in the token: %+v", a)
	}
	key := must(pki.GenerateKey(pki.P256, nil))(t)
	a = must(p.Attest(ctx, must(p.Import(ctx, "in", key))(t)))(t)
	if a.Local || a.NeverExtractable || a.Extractable || !a.Sensitive {
		t.Fatalf("an imported key: %+v", a)
	}
}

// TestProfileThatDoesNotHold gives the module numbers of another vendor.
func TestProfileThatDoesNotHold(t *testing.T) {
	r := softHSM(t, nil)
	ref := r.token(t)
	profile := must(cryptoki.ProfileNamed("softhsm"))(t)
	profile.SM2 = cryptoki.SM2Numbers{Key: cryptoki.CKK_EC, Generate: cryptoki.CKM_EC_KEY_PAIR_GEN, Sign: cryptoki.CKM_ECDSA, Params: true, Output: cryptoki.OutputRaw}
	_, err := pool.Open(context.Background(), pool.Config{Module: r.m, Token: ref, PIN: pin, Profile: profile})
	if !errors.Is(err, cryptoki.ErrProfile) {
		t.Fatalf("plain ECDSA on the SM2 curve taken for SM2: %v", err)
	}
}

// TestForeignObjects: half pairs and others' objects are no keys of ours and do no harm.
func TestForeignObjects(t *testing.T) {
	r := softHSM(t, nil)
	ref := r.token(t)
	p := r.open(t, ref, nil)
	ctx := context.Background()
	s := must(r.m.OpenSession(ctx, must(r.m.FindToken(ctx, ref))(t).ID, true))(t)
	profile := must(cryptoki.ProfileNamed("softhsm"))(t)
	spec := cryptoki.KeySpec{Alg: pki.P256, Label: "half", ID: []byte{1}, Token: true, Sign: true}
	pub, _, err := profile.GenerateKeyPair(ctx, s, spec)
	check(t, err)
	check(t, s.Destroy(ctx, pub))
	spec.Label, spec.ID = "other half", []byte{2} // a space: no label of ours
	_, priv, err := profile.GenerateKeyPair(ctx, s, spec)
	check(t, err)
	check(t, s.Destroy(ctx, priv))
	spec.Label, spec.ID = "half", []byte{3}
	_, priv, err = profile.GenerateKeyPair(ctx, s, spec)
	check(t, err)
	check(t, s.Destroy(ctx, priv))
	if all := must(p.List(ctx))(t); len(all) != 0 {
		t.Fatalf("listed %+v", all)
	}
	made := must(p.Generate(ctx, "half", pki.P256))(t)
	must(p.Signer(ctx, made))(t)
	// The same label twice, as another program may leave it, is not guessed at.
	spec.ID = []byte{4}
	_, _, err = profile.GenerateKeyPair(ctx, s, spec)
	check(t, err)
	if _, err := p.Signer(ctx, hsm.Ref{Label: "half"}); !errors.Is(err, hsm.ErrAmbiguous) {
		t.Fatalf("two keys of one label: %v", err)
	}
	if err := p.Destroy(ctx, hsm.Ref{Label: "half"}); !errors.Is(err, hsm.ErrAmbiguous) {
		t.Fatalf("destroying one of two: %v", err)
	}
	must(p.Signer(ctx, made))(t)
}

// TestBadCiphertexts: what outsiders send does not set the module up again, though SoftHSM answers it as if it were broken.
func TestBadCiphertexts(t *testing.T) {
	r := softHSM(t, nil)
	p := r.open(t, r.token(t), nil)
	ctx := context.Background()
	d := must(p.Decrypter(ctx, must(p.GenerateDecrypter(ctx, "scep", pki.RSA2048))(t)))(t)
	before := p.Stats()
	for n := range 20 {
		noise := bytes.Repeat([]byte{byte(n)}, 256)
		if _, err := d.Decrypt(nil, noise, nil); !errors.Is(err, hsm.ErrDecrypt) {
			t.Fatal(err)
		}
	}
	if after := p.Stats(); after.SetUps != before.SetUps || after.Retried != before.Retried {
		t.Fatalf("%+v, before %+v", after, before)
	}
	sealed := must(rsa.EncryptOAEP(sha256.New(), rand.Reader, d.Public().(*rsa.PublicKey), []byte("x"), nil))(t)
	if _, err := d.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: crypto.SHA256}); !errors.Is(err, hsm.ErrUnsupported) {
		t.Fatalf("a scheme that SoftHSM does not have: %v", err)
	}
}
