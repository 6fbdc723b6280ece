package catest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"

	"signet/ca/kmc"
	"signet/ca/pki"
)

func (r *rows) escrowed(alg string) kmc.Escrowed {
	spki := r.random(91)
	return kmc.Escrowed{KeyID: hex.EncodeToString(r.random(16)), Alg: alg, SPKI: spki, SPKIHash: pki.SPKIHash(spki), Sealed: r.random(72), State: kmc.Spare, At: r.at}
}

func (r *rows) assignment(id, holder string) kmc.Assignment {
	return kmc.Assignment{ID: id, Holder: holder, Alg: "SM2", SignHash: [32]byte(r.random(32)), At: r.at}
}

// TestKMCStore is the contract of kmc.Store. open must give a new, empty store each time.
func TestKMCStore(t *testing.T, open func(t testing.TB) kmc.Store) {
	ctx := context.Background()
	t.Run("spare", func(t *testing.T) { kmcSpare(t, ctx, open(t), newRows(t)) })
	t.Run("assign", func(t *testing.T) { kmcAssign(t, ctx, open(t), newRows(t)) })
	t.Run("conflict", func(t *testing.T) { kmcConflict(t, ctx, open(t), newRows(t)) })
	t.Run("reuse", func(t *testing.T) { kmcReuse(t, ctx, open(t), newRows(t)) })
	t.Run("concurrent", func(t *testing.T) { kmcConcurrent(t, ctx, open(t), newRows(t)) })
	t.Run("concurrent same", func(t *testing.T) { kmcConcurrentSame(t, ctx, open(t), newRows(t)) })
}

func spares(t *testing.T, ctx context.Context, s kmc.Store, alg string, w int) {
	t.Helper()
	n, err := s.CountSpare(ctx, alg)
	must(t, err, "count")
	if n != w {
		t.Fatalf("%d spare %s keys, want %d", n, alg, w)
	}
}

func kmcSpare(t *testing.T, ctx context.Context, s kmc.Store, r *rows) {
	spares(t, ctx, s, "SM2", 0)
	keys := []kmc.Escrowed{r.escrowed("SM2"), r.escrowed("SM2"), r.escrowed("P-256")}
	must(t, s.AddSpare(ctx, keys), "add")
	spares(t, ctx, s, "SM2", 2)
	if err := s.AddSpare(ctx, []kmc.Escrowed{r.escrowed("SM2"), keys[0]}); err == nil {
		t.Fatal("a key was added twice")
	}
	spares(t, ctx, s, "SM2", 2)
	got, err := s.BySPKI(ctx, keys[0].SPKIHash)
	must(t, err, "by SPKI")
	if got.KeyID != keys[0].KeyID || got.State != kmc.Spare || got.Holder != "" || !bytes.Equal(got.Sealed, keys[0].Sealed) || !bytes.Equal(got.SPKI, keys[0].SPKI) || !got.At.Equal(r.at) || got.Alg != "SM2" {
		t.Fatalf("spare differs: %+v", got)
	}
	_, err = s.BySPKI(ctx, [32]byte{1})
	want(t, err, kmc.ErrNotEscrowed, "unknown key")
}

func kmcAssign(t *testing.T, ctx context.Context, s kmc.Store, r *rows) {
	a := r.assignment("a", "org1")
	_, err := s.Assign(ctx, a)
	want(t, err, kmc.ErrNoSpare, "no spare")
	_, err = s.ByID(ctx, "a")
	want(t, err, kmc.ErrNotEscrowed, "failed assignment")
	must(t, s.AddSpare(ctx, []kmc.Escrowed{r.escrowed("P-256")}), "add")
	fresh := r.escrowed("SM2")
	a.New = &fresh
	got, err := s.Assign(ctx, a)
	must(t, err, "assign a new key")
	if got.KeyID != fresh.KeyID || got.State != kmc.InUse || got.Holder != "org1" || got.AssignmentID != "a" {
		t.Fatalf("new key: %+v", got)
	}
	spares(t, ctx, s, "P-256", 1)
	other := r.escrowed("SM2")
	a.New = &other
	again, err := s.Assign(ctx, a)
	must(t, err, "again")
	if again.KeyID != fresh.KeyID || !bytes.Equal(again.Sealed, fresh.Sealed) {
		t.Fatalf("the same assignment gave another key: %+v", again)
	}
	if _, err = s.BySPKI(ctx, other.SPKIHash); !errors.Is(err, kmc.ErrNotEscrowed) {
		t.Fatalf("an unneeded key was kept: %v", err)
	}
	must(t, s.AddSpare(ctx, []kmc.Escrowed{r.escrowed("SM2")}), "add")
	b := r.assignment("b", "org1")
	b.New = &other
	got, err = s.Assign(ctx, b)
	must(t, err, "assign a spare")
	if got.KeyID == other.KeyID {
		t.Fatal("a new key was taken although there was a spare one")
	}
	spares(t, ctx, s, "SM2", 0)
	if got, err = s.ByID(ctx, "a"); err != nil || got.KeyID != fresh.KeyID {
		t.Fatalf("by id: %+v, error %v", got, err)
	}
}

func kmcConflict(t *testing.T, ctx context.Context, s kmc.Store, r *rows) {
	must(t, s.AddSpare(ctx, []kmc.Escrowed{r.escrowed("SM2"), r.escrowed("SM2")}), "add")
	a := r.assignment("a", "org1")
	got, err := s.Assign(ctx, a)
	must(t, err, "assign")
	b := a
	b.Holder = "org2"
	_, err = s.Assign(ctx, b)
	want(t, err, kmc.ErrConflict, "other holder")
	b = a
	b.SignHash[0] ^= 1
	_, err = s.Assign(ctx, b)
	want(t, err, kmc.ErrConflict, "other signing key")
	b = a
	b.SPKIHash = &got.SPKIHash
	_, err = s.Assign(ctx, b)
	want(t, err, kmc.ErrConflict, "now with a named key")
	spares(t, ctx, s, "SM2", 1)
}

func kmcReuse(t *testing.T, ctx context.Context, s kmc.Store, r *rows) {
	must(t, s.AddSpare(ctx, []kmc.Escrowed{r.escrowed("SM2"), r.escrowed("SM2")}), "add")
	first, err := s.Assign(ctx, r.assignment("a", "org1"))
	must(t, err, "assign")
	re := r.assignment("b", "org1")
	re.SPKIHash = &first.SPKIHash
	for range 2 {
		got, err := s.Assign(ctx, re)
		must(t, err, "reuse")
		if got.KeyID != first.KeyID || got.AssignmentID != "a" || got.State != kmc.InUse {
			t.Fatalf("reused: %+v", got)
		}
	}
	if got, err := s.ByID(ctx, "b"); err != nil || got.KeyID != first.KeyID {
		t.Fatalf("by the second id: %+v, error %v", got, err)
	}
	theft := r.assignment("c", "org2")
	theft.SPKIHash = &first.SPKIHash
	_, err = s.Assign(ctx, theft)
	want(t, err, kmc.ErrNotEscrowed, "key of another holder")
	none := r.assignment("d", "org1")
	none.SPKIHash = &[32]byte{1}
	_, err = s.Assign(ctx, none)
	want(t, err, kmc.ErrNotEscrowed, "unknown key")
	spare := r.escrowed("SM2")
	must(t, s.AddSpare(ctx, []kmc.Escrowed{spare}), "add")
	none.SPKIHash = &spare.SPKIHash
	_, err = s.Assign(ctx, none)
	want(t, err, kmc.ErrNotEscrowed, "a spare key by name")
	spares(t, ctx, s, "SM2", 2)
}

func kmcConcurrent(t *testing.T, ctx context.Context, s kmc.Store, r *rows) {
	const n = 12
	var keys []kmc.Escrowed
	assignments := make([]kmc.Assignment, n)
	for i := range n {
		keys = append(keys, r.escrowed("SM2"))
		assignments[i] = r.assignment(fmt.Sprint("a", i), fmt.Sprint("org", i))
	}
	must(t, s.AddSpare(ctx, keys), "add")
	got := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			e, err := s.Assign(ctx, assignments[i])
			if err != nil {
				t.Errorf("assign %d: %v", i, err)
			}
			got[i] = e.KeyID
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, id := range got {
		if seen[id] {
			t.Fatalf("key %s was given to two holders", id)
		}
		seen[id] = true
	}
	spares(t, ctx, s, "SM2", 0)
}

func kmcConcurrentSame(t *testing.T, ctx context.Context, s kmc.Store, r *rows) {
	must(t, s.AddSpare(ctx, []kmc.Escrowed{r.escrowed("SM2"), r.escrowed("SM2"), r.escrowed("SM2")}), "add")
	a := r.assignment("a", "org1")
	got := make([]string, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			e, err := s.Assign(ctx, a)
			if err != nil {
				t.Errorf("assign: %v", err)
			}
			got[i] = e.KeyID
		})
	}
	wg.Wait()
	for _, id := range got {
		if id != got[0] {
			t.Fatal("one assignment got two keys")
		}
	}
	spares(t, ctx, s, "SM2", 2)
}
