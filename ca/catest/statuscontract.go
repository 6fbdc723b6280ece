package catest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/status"
)

// TestStatusStore is the contract of status.Store beside ca.Store. open must give a new, empty store each time.
func TestStatusStore(t *testing.T, open func(t testing.TB) FullStore) {
	ctx := context.Background()
	t.Run("lookup", func(t *testing.T) { statusLookup(t, ctx, open(t), newRows(t)) })
	t.Run("revoked", func(t *testing.T) { statusRevoked(t, ctx, open(t), newRows(t)) })
	t.Run("numbers", func(t *testing.T) { statusNumbers(t, ctx, open(t)) })
	t.Run("lists", func(t *testing.T) { statusLists(t, ctx, open(t), newRows(t)) })
	t.Run("pieces", func(t *testing.T) { statusPieces(t, ctx, open(t), newRows(t)) })
	t.Run("revision", func(t *testing.T) { statusRevision(t, ctx, open(t), newRows(t)) })
	t.Run("changes", func(t *testing.T) { statusChanges(t, ctx, open(t), newRows(t)) })
	t.Run("shards", func(t *testing.T) { statusShards(t, ctx, open(t), newRows(t)) })
	t.Run("lease", func(t *testing.T) { statusLease(t, ctx, open(t)) })
}

func lookup(t *testing.T, ctx context.Context, s FullStore, caID, serial string, w status.State) status.Status {
	t.Helper()
	got, err := s.Lookup(ctx, caID, serial)
	must(t, err, "lookup")
	if got.State != w {
		t.Fatalf("serial %s is %s, want %s", serial, got.State, w)
	}
	return got
}

func statusLookup(t *testing.T, ctx context.Context, s FullStore, r *rows) {
	in := r.intent("a")
	lookup(t, ctx, s, "one", in.SerialHex, status.Unknown)
	must(t, s.Intend(ctx, []ca.Intent{in}), "intend")
	lookup(t, ctx, s, "one", in.SerialHex, status.Unknown)
	again := r.intent("a")
	must(t, s.Intend(ctx, []ca.Intent{again}), "second attempt")
	if got := lookup(t, ctx, s, "one", in.SerialHex, status.Revoked); got.Reason != ca.Superseded || !got.At.Equal(again.At) {
		t.Fatalf("abandoned serial: %+v, want superseded when the second attempt was intended", got)
	}
	must(t, s.Record(ctx, []ca.Certificate{certOf(again)}), "record")
	lookup(t, ctx, s, "one", again.SerialHex, status.Good)
	lookup(t, ctx, s, "two", again.SerialHex, status.Unknown)
	rev := ca.Revocation{CA: "one", SerialHex: again.SerialHex, Reason: ca.CertificateHold, At: r.at, InvalidAt: r.at.Add(-time.Minute)}
	must(t, s.Revoke(ctx, rev), "hold")
	got := lookup(t, ctx, s, "one", again.SerialHex, status.Revoked)
	if got.Reason != ca.CertificateHold || !got.At.Equal(rev.At) || !got.InvalidAt.Equal(rev.InvalidAt) {
		t.Fatalf("held: %+v", got)
	}
	rev.Reason = ca.RemoveFromCRL
	must(t, s.Revoke(ctx, rev), "release")
	lookup(t, ctx, s, "one", again.SerialHex, status.Good)
}

func statusRevoked(t *testing.T, ctx context.Context, s FullStore, r *rows) {
	wanted := map[string]status.Entry{}
	for i := range 10 {
		in := r.intent(fmt.Sprint("r", i))
		issueRow(t, ctx, s, in)
		if i%2 == 0 {
			rev := ca.Revocation{CA: "one", SerialHex: in.SerialHex, Reason: ca.KeyCompromise, At: in.At, InvalidAt: r.at}
			must(t, s.Revoke(ctx, rev), "revoke")
			wanted[in.SerialHex] = status.Entry{SerialHex: in.SerialHex, At: rev.At, InvalidAt: r.at, NotAfter: in.NotAfter, Reason: ca.KeyCompromise}
		}
	}
	dead, stopped := r.intent("dead"), r.intent("stopped")
	again := r.intent("dead")
	must(t, s.Intend(ctx, []ca.Intent{dead, stopped}), "intend")
	must(t, s.Intend(ctx, []ca.Intent{again}), "second attempt")
	must(t, s.Revoke(ctx, ca.Revocation{CA: "one", SerialHex: stopped.SerialHex, Reason: ca.CessationOfOperation, At: r.at}), "revoke intent")
	wanted[dead.SerialHex] = status.Entry{SerialHex: dead.SerialHex, At: again.At, NotAfter: dead.NotAfter, Reason: ca.Superseded}
	wanted[stopped.SerialHex] = status.Entry{SerialHex: stopped.SerialHex, At: r.at, NotAfter: stopped.NotAfter, Reason: ca.CessationOfOperation}
	held := r.intent("held")
	issueRow(t, ctx, s, held)
	for _, reason := range []int{ca.CertificateHold, ca.RemoveFromCRL} {
		must(t, s.Revoke(ctx, ca.Revocation{CA: "one", SerialHex: held.SerialHex, Reason: reason, At: r.at}), "hold and release")
	}
	other := r.intent("other")
	other.Request.CA = "two"
	issueRow(t, ctx, s, other)
	must(t, s.Revoke(ctx, ca.Revocation{CA: "two", SerialHex: other.SerialHex, Reason: ca.Superseded, At: r.at}), "revoke")

	seen := 0
	last := ""
	revision, err := s.Revoked(ctx, "one", status.Part{}, func(e status.Entry) error {
		seen++
		if e.SerialHex <= last {
			t.Errorf("%s after %s", e.SerialHex, last)
		}
		last = e.SerialHex
		w, ok := wanted[e.SerialHex]
		if !ok || e.Reason != w.Reason || !e.At.Equal(w.At) || !e.InvalidAt.Equal(w.InvalidAt) || !e.NotAfter.Equal(w.NotAfter) {
			t.Errorf("entry %+v, want %+v", e, w)
		}
		return nil
	})
	must(t, err, "revoked")
	if now, err := s.Revision(ctx, "one"); err != nil || now != revision {
		t.Errorf("revision %d, %v; the snapshot was of %d", now, err, revision)
	}
	if seen != len(wanted) {
		t.Fatalf("%d entries, want %d", seen, len(wanted))
	}
	stop := errors.New("enough")
	_, err = s.Revoked(ctx, "one", status.Part{}, func(status.Entry) error { return stop })
	want(t, err, stop, "error of the callback")
}

func statusNumbers(t *testing.T, ctx context.Context, s FullStore) {
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			last := int64(0)
			for range 5 {
				n, err := s.NextCRL(ctx, "one")
				if err != nil {
					t.Errorf("next: %v", err)
					return
				}
				mu.Lock()
				if seen[n] || n <= last {
					t.Errorf("number %d after %d, seen %v", n, last, seen[n])
				}
				seen[n], last = true, n
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for n := range seen {
		if n < 946684800 {
			t.Fatalf("number %d is smaller than any present Unix time", n)
		}
	}
	if _, err := s.NextCRL(ctx, "two"); err != nil {
		t.Fatal(err)
	}
}

func statusLists(t *testing.T, ctx context.Context, s FullStore, r *rows) {
	_, err := s.LatestCRL(ctx, "one")
	want(t, err, status.ErrNoCRL, "before")
	first, err := s.NextCRL(ctx, "one")
	must(t, err, "next")
	second, err := s.NextCRL(ctx, "one")
	must(t, err, "next")
	_, err = s.LatestCRL(ctx, "one")
	want(t, err, status.ErrNoCRL, "numbers only")
	big := r.random(300_000)
	save := func(number int64, der []byte, from time.Time) error {
		return s.SaveCRL(ctx, listOf("one", number, der, from), der, nil)
	}
	must(t, save(second, big, r.at), "save")
	must(t, save(first, []byte("late"), r.at.Add(-time.Hour)), "save the earlier number later")
	must(t, save(second, big, r.at), "same again")
	if err := save(second, []byte("other"), r.at); err == nil {
		t.Fatal("two lists share a number")
	}
	got, der, err := status.LoadCRL(ctx, s, "one")
	must(t, err, "latest")
	if w := listOf("one", second, big, r.at); got != w || string(der) != string(big) {
		t.Fatalf("latest is %+v of %d bytes, want %+v", got, len(der), w)
	}
	_, err = s.LatestCRL(ctx, "two")
	want(t, err, status.ErrNoCRL, "another CA")
	_, err = s.LatestCRL(ctx, status.ListName("one", 0, true))
	want(t, err, status.ErrNoCRL, "a delta of the same CA")
}

func listOf(list string, number int64, der []byte, from time.Time) status.CRL {
	return status.CRL{List: list, Number: number, ThisUpdate: from, NextUpdate: from.Add(time.Hour), Revision: 7, Size: int64(len(der)), Hash: sha256.Sum256(der)}
}

// statusPieces: a list kept in pieces is not seen until it is saved, and is whole then.
func statusPieces(t *testing.T, ctx context.Context, s FullStore, r *rows) {
	whole := r.random(5000)
	l := listOf("one/3+delta", 70, whole, r.at)
	l.Pieces = 2
	must(t, s.KeepCRL(ctx, l.List, 70, 2, []byte("of an earlier try")), "keep")
	must(t, s.KeepCRL(ctx, l.List, 70, 1, whole[10:2000]), "keep")
	if err := s.SaveCRL(ctx, l, whole[:10], whole[4000:]); err == nil {
		t.Fatal("a list with a wrong piece was published")
	}
	must(t, s.KeepCRL(ctx, l.List, 70, 2, whole[2000:4000]), "keep again")
	_, err := s.LatestCRL(ctx, l.List)
	want(t, err, status.ErrNoCRL, "not saved yet")
	var kept []byte
	must(t, s.ReadCRL(ctx, l.List, 70, func(p []byte) error { kept = append(kept, p...); return nil }), "reading before")
	if string(kept) != string(whole[10:4000]) {
		t.Fatal("pieces read differently")
	}
	must(t, s.SaveCRL(ctx, l, whole[:10], whole[4000:]), "save")
	if err := s.KeepCRL(ctx, l.List, 70, 2, []byte("x")); err == nil {
		t.Fatal("a published list was changed")
	}
	_, der, err := status.LoadCRL(ctx, s, l.List)
	must(t, err, "load")
	if string(der) != string(whole) {
		t.Fatal("the list is not whole")
	}
	stop := errors.New("enough")
	want(t, s.ReadCRL(ctx, l.List, 70, func([]byte) error { return stop }), stop, "error of the callback")
}

// statusRevision: it grows exactly when what Lookup says of a known serial changes.
func statusRevision(t *testing.T, ctx context.Context, s FullStore, r *rows) {
	last := int64(0)
	step := func(what string, grows bool) {
		t.Helper()
		now, err := s.Revision(ctx, "one")
		must(t, err, what)
		if grows != (now > last) || now < last {
			t.Fatalf("%s: revision %d after %d", what, now, last)
		}
		last = now
	}
	in := r.intent("a")
	step("at first", false)
	issueRow(t, ctx, s, in)
	step("issued", false)
	rev := func(reason int) {
		t.Helper()
		must(t, s.Revoke(ctx, ca.Revocation{CA: "one", SerialHex: in.SerialHex, Reason: reason, At: r.at}), fmt.Sprint("reason ", reason))
	}
	rev(ca.RemoveFromCRL)
	step("released what is good", false)
	rev(ca.CertificateHold)
	step("held", true)
	rev(ca.CertificateHold)
	step("held again", false)
	rev(ca.RemoveFromCRL)
	step("released", true)
	rev(ca.Superseded)
	step("revoked", true)
	rev(ca.KeyCompromise)
	step("for a worse reason", true)
	must(t, s.Intend(ctx, []ca.Intent{r.intent("b")}), "intend")
	step("intended", false)
	must(t, s.Intend(ctx, []ca.Intent{r.intent("b")}), "intend again")
	step("abandoned", true)
	other := r.intent("c")
	other.Request.CA = "two"
	issueRow(t, ctx, s, other)
	must(t, s.Revoke(ctx, ca.Revocation{CA: "two", SerialHex: other.SerialHex, Reason: ca.Superseded, At: r.at}), "revoke elsewhere")
	step("another CA", false)
}

// statusChanges: base and changes together say what all says.
func statusChanges(t *testing.T, ctx context.Context, s FullStore, r *rows) {
	var all []ca.Intent
	for i := range 12 {
		in := r.intent(fmt.Sprint("r", i))
		issueRow(t, ctx, s, in)
		all = append(all, in)
	}
	read := func(part status.Part) (map[string]status.Entry, int64) {
		t.Helper()
		m := map[string]status.Entry{}
		revision, err := s.Revoked(ctx, "one", part, func(e status.Entry) error { m[e.SerialHex] = e; return nil })
		must(t, err, "revoked")
		return m, revision
	}
	state, since := read(status.Part{})
	for n := range 80 {
		in := all[n*7%len(all)]
		reason := []int{ca.CertificateHold, ca.RemoveFromCRL, ca.CertificateHold, ca.Superseded, ca.RemoveFromCRL}[n*n%5]
		err := s.Revoke(ctx, ca.Revocation{CA: "one", SerialHex: in.SerialHex, Reason: reason, At: r.at.Add(time.Duration(n) * time.Second)})
		if err != nil && !errors.Is(err, ca.ErrAlreadyRevoked) {
			t.Fatal(err)
		}
		if n%9 != 8 {
			continue
		}
		changes, revision := read(status.Part{Changes: true, Since: since})
		for serial, e := range changes {
			if e.Revision <= since || e.Revision > revision || e.NotAfter.IsZero() {
				t.Fatalf("change %+v between %d and %d", e, since, revision)
			}
			if delete(state, serial); e.Reason != ca.RemoveFromCRL {
				state[serial] = e
			}
		}
		whole, now := read(status.Part{})
		if !maps.Equal(state, whole) || now != revision {
			t.Fatalf("after %d steps: base and changes say\n%v\nall says\n%v", n, state, whole)
		}
		since = revision
	}
}

// statusShards: a certificate, also one that never came to be, is in its own shard and in the whole.
func statusShards(t *testing.T, ctx context.Context, s FullStore, r *rows) {
	shards := map[string]int{}
	for i := range 9 {
		in := r.intent(fmt.Sprint("r", i))
		in.Shard = i % 3
		shards[in.SerialHex] = in.Shard
		if i < 6 {
			issueRow(t, ctx, s, in)
			if got, err := s.Issued(ctx, in.Request.ID); err != nil || got.Shard != in.Shard {
				t.Fatalf("shard %d, %v; want %d", got.Shard, err, in.Shard)
			}
		} else {
			must(t, s.Intend(ctx, []ca.Intent{in}), "intend")
		}
		must(t, s.Revoke(ctx, ca.Revocation{CA: "one", SerialHex: in.SerialHex, Reason: ca.CertificateHold, At: r.at}), "hold")
		if i < 3 {
			must(t, s.Revoke(ctx, ca.Revocation{CA: "one", SerialHex: in.SerialHex, Reason: ca.RemoveFromCRL, At: r.at}), "release")
		}
	}
	for shard, wanted := range map[int]int{0: 6, 1: 2, 2: 2, 3: 0} {
		for _, part := range []status.Part{{Shard: shard}, {Shard: shard, Changes: true}} {
			n, freed := 0, 0
			_, err := s.Revoked(ctx, "one", part, func(e status.Entry) error {
				if n++; e.Reason == ca.RemoveFromCRL {
					n--
					freed++
				}
				if shard != 0 && shards[e.SerialHex] != shard {
					t.Errorf("%s of shard %d is in %d", e.SerialHex, shards[e.SerialHex], shard)
				}
				return nil
			})
			must(t, err, "revoked")
			if n != wanted || part.Changes && freed != wanted/2 || !part.Changes && freed != 0 {
				t.Errorf("%+v: %d entries and %d released, want %d", part, n, freed, wanted)
			}
		}
	}
}

// statusLease: one holder at a time, of many that try.
func statusLease(t *testing.T, ctx context.Context, s FullStore) {
	lease := func(holder string, span time.Duration) bool {
		t.Helper()
		ours, err := s.Lease(ctx, "crl one", holder, time.Now().Add(span))
		must(t, err, "lease")
		return ours
	}
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			if ours, err := s.Lease(ctx, "storm", fmt.Sprint("h", i), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			} else if ours {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d of 8 have the lease", won.Load())
	}
	if !lease("a", time.Hour) || !lease("a", 2*time.Hour) || lease("b", time.Hour) {
		t.Fatal("a lease is not its holder's alone")
	}
	lease("a", -time.Second)
	if !lease("b", time.Hour) || lease("a", time.Hour) {
		t.Fatal("a lease given back cannot be taken")
	}
}
