package catest

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	must(t, s.Revoked(ctx, "one", func(e status.Entry) error {
		seen++
		w, ok := wanted[e.SerialHex]
		if !ok || e.Reason != w.Reason || !e.At.Equal(w.At) || !e.InvalidAt.Equal(w.InvalidAt) || !e.NotAfter.Equal(w.NotAfter) {
			t.Errorf("entry %+v, want %+v", e, w)
		}
		return nil
	}), "revoked")
	if seen != len(wanted) {
		t.Fatalf("%d entries, want %d", seen, len(wanted))
	}
	stop := errors.New("enough")
	want(t, s.Revoked(ctx, "one", func(status.Entry) error { return stop }), stop, "error of the callback")
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
	must(t, s.SaveCRL(ctx, "one", second, big, r.at, r.at.Add(time.Hour)), "save")
	must(t, s.SaveCRL(ctx, "one", first, []byte("late"), r.at.Add(-time.Hour), r.at), "save the earlier number later")
	must(t, s.SaveCRL(ctx, "one", second, big, r.at, r.at.Add(time.Hour)), "same again")
	if err := s.SaveCRL(ctx, "one", second, []byte("other"), r.at, r.at.Add(time.Hour)); err == nil {
		t.Fatal("two lists share a number")
	}
	got, err := s.LatestCRL(ctx, "one")
	must(t, err, "latest")
	if got.Number != second || string(got.DER) != string(big) || !got.ThisUpdate.Equal(r.at) || !got.NextUpdate.Equal(r.at.Add(time.Hour)) {
		t.Fatalf("latest is number %d, %d bytes, %s to %s", got.Number, len(got.DER), got.ThisUpdate, got.NextUpdate)
	}
	_, err = s.LatestCRL(ctx, "two")
	want(t, err, status.ErrNoCRL, "another CA")
}
