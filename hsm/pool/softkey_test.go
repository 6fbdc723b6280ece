package pool_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/cryptoki"
	"signet/hsm/hsmtest"
	"signet/hsm/pool"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ukeytest"
)

// softkeyModule opens libsoftkey.so with tokens that are ready, by their serials; what is written to the file faults counts from the
// next call on.
func softkeyModule(t testing.TB, tokens int, change func(*cryptoki.Config)) (r *rig, serials []cryptoki.TokenRef, faults string) {
	t.Helper()
	home := t.TempDir()
	for i := range tokens {
		serial := fmt.Sprintf("SK-%04d", i)
		_, err := softkey.Create(filepath.Join(home, "slots", serial), softkey.Config{Serial: serial, PIN: ukey.PIN(userPIN), SOPIN: ukey.PIN(soPIN),
			KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}}) // cheap guesses: for tests only
		check(t, err)
		serials = append(serials, cryptoki.TokenRef{Serial: serial})
	}
	faults = filepath.Join(home, "faults")
	r = openRig(t, ukeytest.Module(t), []string{"SOFTKEY_DIR=" + filepath.Join(home, "slots"), "SOFTKEY_FAULT_FILE=" + faults}, change)
	return r, serials, faults
}

func TestContractSM2(t *testing.T) {
	r, fresh, _ := softkeyModule(t, 9, func(c *cryptoki.Config) { c.CallFor = 10 * time.Second })
	tokens := map[hsm.Keystore]cryptoki.TokenRef{}
	hsmtest.TestKeystore(t, func(t testing.TB) hsm.Keystore {
		ref := fresh[0]
		fresh = fresh[1:]
		p := r.open(t, ref, nil)
		tokens[p] = ref
		return p
	}, func(t testing.TB, k hsm.Keystore) hsm.Keystore {
		check(t, r.m.Reset(context.Background(), r.m.Generation()))
		return r.open(t, tokens[k], nil)
	})
}

// TestFaultsOfTheModule makes the module itself misbehave while SM2 signatures are asked for.
func TestFaultsOfTheModule(t *testing.T) {
	r, ready, faults := softkeyModule(t, 1, func(c *cryptoki.Config) { c.CallFor = time.Second })
	p := r.open(t, ready[0], nil)
	ctx := context.Background()
	made := must(p.Generate(ctx, "ca", pki.SM2))(t)
	key := must(p.Signer(ctx, made))(t)
	sign := func() error {
		_, err := pki.Sign(rand.Reader, key, pki.SM2WithSM3, []byte("message"))
		return err
	}
	check(t, sign())
	for _, c := range []struct {
		spec  string
		fails error // nil: the pool heals it within the request
		limit time.Duration
	}{
		{"flip:C_Sign", cryptoki.ErrWrongSignature, 5 * time.Second},
		{"flip:C_Sign@1", nil, 5 * time.Second},
		{"drop:C_Sign@1", nil, 5 * time.Second},
		{"crash:C_Sign", pool.ErrUnavailable, 10 * time.Second},
		{"hang:C_Sign", pool.ErrUnavailable, 15 * time.Second},
		{"error:C_Sign:0x30", pool.ErrUnavailable, 10 * time.Second},
		{"error:C_Sign:0x30@1", nil, 5 * time.Second},
		{"error:C_Sign:0x5@1", nil, 5 * time.Second},
		{"slow:C_Sign:200ms", nil, 5 * time.Second},
	} {
		check(t, os.WriteFile(faults, []byte(c.spec), 0o600))
		began := time.Now()
		err := sign()
		if took := time.Since(began); !errors.Is(err, c.fails) || took > c.limit {
			t.Fatalf("%s: after %s: %v", c.spec, took, err)
		}
		check(t, os.WriteFile(faults, nil, 0o600))
		began = time.Now()
		if err := sign(); err != nil || time.Since(began) > 10*time.Second {
			t.Fatalf("after %s was over: %v in %s", c.spec, err, time.Since(began))
		}
		t.Logf("%s: %v", c.spec, err)
	}
	if p.Stats().WrongSignatures < 2 {
		t.Fatalf("%+v", p.Stats())
	}
}

// TestModuleThatStaysAway: after a crash the new process hangs at the first question, again and again; requests fail in time, and signing
// goes on when it answers.
func TestModuleThatStaysAway(t *testing.T) {
	r, ready, faults := softkeyModule(t, 1, func(c *cryptoki.Config) { c.CallFor = time.Second })
	p := r.open(t, ready[0], func(c *pool.Config) { c.HealFor = 2 * time.Second })
	key := must(p.Signer(context.Background(), must(p.Generate(context.Background(), "ca", pki.SM2))(t)))(t)
	check(t, os.WriteFile(faults, []byte("hang:C_GetSlotList,crash:C_Sign"), 0o600))
	began := time.Now()
	_, err := pki.Sign(rand.Reader, key, pki.SM2WithSM3, nil)
	if took := time.Since(began); !errors.Is(err, pool.ErrUnavailable) || took < time.Second || took > 8*time.Second {
		t.Fatalf("after %s: %v", took, err)
	}
	check(t, os.WriteFile(faults, nil, 0o600))
	began = time.Now()
	for err = errors.New("not yet"); err != nil; _, err = pki.Sign(rand.Reader, key, pki.SM2WithSM3, nil) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("not signing again: %v", err)
		}
	}
}

// TestImportWrapped brings keys into the software key as into SoftHSM: wrapped, never in the clear.
func TestImportWrapped(t *testing.T) {
	r, ready, _ := softkeyModule(t, 1, nil)
	profile := must(cryptoki.ProfileNamed("softkey"))(t)
	profile.Import = cryptoki.ImportUnwrap
	p := r.open(t, ready[0], func(c *pool.Config) { c.Profile = profile })
	ctx := context.Background()
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048} {
		own := must(pki.GenerateKey(alg, rand.Reader))(t)
		ref := must(p.Import(ctx, "in-"+string(alg), own))(t)
		key := must(p.Signer(ctx, ref))(t)
		sigAlg := must(pki.SigAlgFor(own.Public()))(t)
		sig := must(pki.Sign(rand.Reader, key, sigAlg, []byte("message")))(t)
		check(t, pki.Verify(own.Public(), sigAlg, []byte("message"), sig))
	}
}
