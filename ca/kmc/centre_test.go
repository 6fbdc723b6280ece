package kmc_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/keyfile"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wrapper(t testing.TB) hsm.Wrapper {
	t.Helper()
	s, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(t.TempDir(), "keys"), Passphrase: []byte("passphrase"), Cost: keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}})
	must(t, err)
	w, err := s.Wrapper(ctx, "kmc")
	must(t, err)
	return w
}

func centre(t testing.TB, store kmc.Store, w kmc.Wrapper) *kmc.Centre {
	t.Helper()
	k, err := kmc.New(kmc.Config{Store: store, Wrapper: w, Spare: 40})
	must(t, err)
	return k
}

func signing(t testing.TB) (*gm.PrivateKey, []byte) {
	t.Helper()
	key := catest.Key(t, pki.SM2)
	return key.(*gm.PrivateKey), catest.SPKI(t, key)
}

// open unwraps an envelope with the signing key and makes sure that it holds the private key of spki.
func open(t testing.TB, a *kmc.Assigned, key *gm.PrivateKey) *gm.PrivateKey {
	t.Helper()
	env, err := cms.ParseEnvelopedKey(a.Envelope)
	must(t, err)
	private, err := env.Unwrap(key)
	must(t, err)
	if !bytes.Equal(catest.SPKI(t, private), a.SPKI) || pki.SPKIHash(a.SPKI) != a.SPKIHash {
		t.Fatal("envelope holds another key than it says")
	}
	return private
}

func TestAssign(t *testing.T) {
	store := catest.NewKMCStore()
	k := centre(t, store, wrapper(t))
	key, spki := signing(t)
	req := kmc.AssignRequest{ID: "a", Holder: "org1", SignSPKI: spki}
	first, err := k.Assign(ctx, req)
	must(t, err)
	private := open(t, first, key)
	again, err := k.Assign(ctx, req)
	must(t, err)
	open(t, again, key)
	if !bytes.Equal(first.SPKI, again.SPKI) {
		t.Fatal("the same assignment gave another key")
	}
	if bytes.Equal(first.Envelope, again.Envelope) {
		t.Fatal("the envelope was not made afresh")
	}
	stranger, _ := signing(t)
	env, err := cms.ParseEnvelopedKey(first.Envelope)
	must(t, err)
	if _, err := env.Unwrap(stranger); err == nil {
		t.Fatal("another signing key opens the envelope")
	}
	row, err := store.ByID(ctx, "a")
	must(t, err)
	if bytes.Contains(row.Sealed, private.Bytes()) {
		t.Fatal("the private key is stored in the clear")
	}
}

func TestAssignConflicts(t *testing.T) {
	k := centre(t, catest.NewKMCStore(), wrapper(t))
	_, spki := signing(t)
	_, other := signing(t)
	req := kmc.AssignRequest{ID: "a", Holder: "org1", SignSPKI: spki}
	first, err := k.Assign(ctx, req)
	must(t, err)
	for what, change := range map[string]func(*kmc.AssignRequest){
		"other signing key": func(r *kmc.AssignRequest) { r.SignSPKI = other },
		"other holder":      func(r *kmc.AssignRequest) { r.Holder = "org2" },
		"now a reuse":       func(r *kmc.AssignRequest) { r.ReuseSPKIHash = &first.SPKIHash },
	} {
		r := req
		change(&r)
		if _, err := k.Assign(ctx, r); !errors.Is(err, kmc.ErrConflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, spki := range map[string][]byte{"P-256": catest.SPKI(t, catest.Key(t, pki.P256)), "nothing": nil, "garbage": []byte("garbage")} {
		r := req
		r.ID, r.SignSPKI = "b", spki
		if _, err := k.Assign(ctx, r); !errors.Is(err, kmc.ErrSigningKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, r := range []kmc.AssignRequest{{Holder: "x", SignSPKI: spki}, {ID: "x", SignSPKI: spki}, {ID: strings.Repeat("x", 129), Holder: "x", SignSPKI: spki}} {
		if _, err := k.Assign(ctx, r); err == nil {
			t.Errorf("accepted %+v", r)
		}
	}
}

// TestReuse is a renewal: a new signing key, the old encryption key, which still opens what was encrypted to it before.
func TestReuse(t *testing.T) {
	k := centre(t, catest.NewKMCStore(), wrapper(t))
	oldKey, oldSPKI := signing(t)
	first, err := k.Assign(ctx, kmc.AssignRequest{ID: "a", Holder: "org1", SignSPKI: oldSPKI})
	must(t, err)
	public := open(t, first, oldKey).PublicKey()
	sealed, err := public.Encrypt(nil, []byte("a bid"))
	must(t, err)
	newKey, newSPKI := signing(t)
	renewed, err := k.Assign(ctx, kmc.AssignRequest{ID: "b", Holder: "org1", SignSPKI: newSPKI, ReuseSPKIHash: &first.SPKIHash})
	must(t, err)
	plain, err := open(t, renewed, newKey).Decrypt(nil, sealed, nil)
	must(t, err)
	if string(plain) != "a bid" || !bytes.Equal(renewed.SPKI, first.SPKI) {
		t.Fatal("the renewed key does not open old messages")
	}
	if _, err := k.Assign(ctx, kmc.AssignRequest{ID: "c", Holder: "org2", SignSPKI: newSPKI, ReuseSPKIHash: &first.SPKIHash}); !errors.Is(err, kmc.ErrNotEscrowed) {
		t.Fatalf("another holder reuses the key: %v", err)
	}
	if _, err := k.Assign(ctx, kmc.AssignRequest{ID: "d", Holder: "org1", SignSPKI: newSPKI, ReuseSPKIHash: &[32]byte{1}}); !errors.Is(err, kmc.ErrNotEscrowed) {
		t.Fatalf("a key that is not in escrow: %v", err)
	}
}

func TestFill(t *testing.T) {
	store := catest.NewKMCStore()
	k := centre(t, store, wrapper(t))
	for range 2 {
		must(t, k.Fill(ctx))
		if n, err := store.CountSpare(ctx, "SM2"); err != nil || n != 40 {
			t.Fatalf("%d spare keys, error %v", n, err)
		}
	}
	key, spki := signing(t)
	a, err := k.Assign(ctx, kmc.AssignRequest{ID: "a", Holder: "org1", SignSPKI: spki})
	must(t, err)
	open(t, a, key)
	if n, _ := store.CountSpare(ctx, "SM2"); n != 39 {
		t.Fatalf("%d spare keys left, want 39", n)
	}
}

func TestConcurrentAssign(t *testing.T) {
	store := catest.NewKMCStore()
	k := centre(t, store, wrapper(t))
	key, spki := signing(t)
	got := make([]*kmc.Assigned, 32)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			a, err := k.Assign(ctx, kmc.AssignRequest{ID: fmt.Sprint("a", i/8), Holder: fmt.Sprint("org", i/8), SignSPKI: spki})
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = a
		})
	}
	wg.Wait()
	for i, a := range got {
		open(t, a, key)
		if same := bytes.Equal(a.SPKI, got[i/8*8].SPKI); !same {
			t.Fatalf("assignment %d got two keys", i/8)
		}
		if i >= 8 && bytes.Equal(a.SPKI, got[0].SPKI) {
			t.Fatal("two holders got one key")
		}
	}
}

// TestDamageIsSeen: rows that were swapped or changed are never delivered.
func TestDamageIsSeen(t *testing.T) {
	w := wrapper(t)
	_, spki := signing(t)
	row := func(id string) kmc.Escrowed {
		store := catest.NewKMCStore()
		_, err := centre(t, store, w).Assign(ctx, kmc.AssignRequest{ID: id, Holder: "org1", SignSPKI: spki})
		must(t, err)
		e, err := store.ByID(ctx, id)
		must(t, err)
		return e
	}
	a, b := row("a"), row("b")
	for what, change := range map[string]func(*kmc.Escrowed){
		"sealed of another key": func(e *kmc.Escrowed) { e.Sealed = b.Sealed },
		"all but the public key of another": func(e *kmc.Escrowed) {
			e.Sealed, e.KeyID = b.Sealed, b.KeyID
		},
		"changed byte": func(e *kmc.Escrowed) { e.Sealed[len(e.Sealed)-1] ^= 1 },
		"cut":          func(e *kmc.Escrowed) { e.Sealed = e.Sealed[:10] },
		"nothing":      func(e *kmc.Escrowed) { e.Sealed = nil },
		"wrong hash":   func(e *kmc.Escrowed) { e.SPKIHash[0] ^= 1 },
	} {
		e := a
		e.Sealed = bytes.Clone(a.Sealed)
		change(&e)
		_, err := centre(t, oneKey{e}, w).Assign(ctx, kmc.AssignRequest{ID: "a", Holder: "org1", SignSPKI: spki})
		if !errors.Is(err, kmc.ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && strings.Contains(err.Error(), hex.EncodeToString(a.Sealed)) {
			t.Errorf("%s: the error shows the sealed key", what)
		}
	}
	if _, err := centre(t, oneKey{a}, wrapper(t)).Assign(ctx, kmc.AssignRequest{ID: "a", Holder: "org1", SignSPKI: spki}); !errors.Is(err, kmc.ErrDamaged) {
		t.Errorf("another wrapping key: %v", err)
	}
}

// oneKey is a store with one answer.
type oneKey struct{ e kmc.Escrowed }

func (s oneKey) Assign(context.Context, kmc.Assignment) (kmc.Escrowed, error) { return s.e, nil }
func (s oneKey) ByID(context.Context, string) (kmc.Escrowed, error)           { return s.e, nil }
func (s oneKey) BySPKI(context.Context, [32]byte) (kmc.Escrowed, error)       { return s.e, nil }
func (s oneKey) AddSpare(context.Context, []kmc.Escrowed) error               { return nil }
func (s oneKey) CountSpare(context.Context, string) (int, error)              { return 0, nil }

// TestStoreFaults: whichever step fails, in whichever way, a repeat gives one key.
func TestStoreFaults(t *testing.T) {
	w := wrapper(t)
	key, spki := signing(t)
	gone := errors.New("gone")
	for step := 1; step <= 2; step++ {
		for _, persisted := range []bool{false, true} {
			mem := catest.NewKMCStore()
			f := &faulty{KMCStore: mem, at: step, persisted: persisted, err: gone}
			k := centre(t, f, w)
			req := kmc.AssignRequest{ID: "a", Holder: "org1", SignSPKI: spki}
			if _, err := k.Assign(ctx, req); !errors.Is(err, gone) {
				t.Fatalf("step %d: %v", step, err)
			}
			a, err := k.Assign(ctx, req)
			must(t, err)
			open(t, a, key)
			row, err := mem.ByID(ctx, "a")
			must(t, err)
			if !bytes.Equal(row.SPKI, a.SPKI) {
				t.Fatal("the key handed out is not the one in escrow")
			}
		}
	}
}

type faulty struct {
	*catest.KMCStore
	n, at     int
	persisted bool
	err       error
}

func (f *faulty) Assign(ctx context.Context, a kmc.Assignment) (kmc.Escrowed, error) {
	f.n++
	if f.n != f.at {
		return f.KMCStore.Assign(ctx, a)
	}
	if f.persisted {
		if _, err := f.KMCStore.Assign(ctx, a); err != nil && !errors.Is(err, kmc.ErrNoSpare) {
			return kmc.Escrowed{}, err
		}
	}
	return kmc.Escrowed{}, f.err
}
