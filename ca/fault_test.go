package ca_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// clock is a clock that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// faulty is a tree whose issuing CA writes through a FaultStore and signs through a Witness.
type faulty struct {
	*catest.Tree
	store   *catest.FaultStore
	witness *catest.Witness
	clock   *clock
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	f := &faulty{store: &catest.FaultStore{}, clock: &clock{time.Now().UTC().Truncate(time.Second)}}
	mem := catest.NewStore(f.clock.now)
	f.store.Store = mem
	f.Tree = catest.HierarchyWith(t, pki.SM2, catest.Options{Store: f.store, Now: f.clock.now, CheckEvery: 1, Signer: func(s crypto.Signer) crypto.Signer {
		f.witness = &catest.Witness{Signer: s}
		return f.witness
	}})
	f.Tree.Store = mem
	return f
}

// check holds what must always hold: every signature belongs to an intent, no two to one serial; nothing is open; every serial that is not a
// certificate counts as revoked.
func (f *faulty) check(t *testing.T, issued ...*ca.Certificate) {
	t.Helper()
	reserved, done, dropped, pending := f.Store.Serials()
	if pending != 0 || done+dropped != reserved {
		t.Fatalf("%d reserved, %d recorded, %d abandoned, %d open", reserved, done, dropped, pending)
	}
	if done != len(issued) {
		t.Fatalf("%d recorded, %d handed out", done, len(issued))
	}
	if n := len(f.witness.Digests()); n > reserved {
		t.Fatalf("%d signatures for %d serials", n, reserved)
	}
	seen := map[string]bool{}
	for _, d := range f.witness.Digests() {
		if seen[string(d)] {
			t.Fatal("the same bytes were signed twice")
		}
		seen[string(d)] = true
	}
	revoked := 0
	_, err := f.Store.Revoked(ctx, "issuing", status.Part{}, func(status.Entry) error { revoked++; return nil })
	must(t, err)
	if revoked != dropped {
		t.Fatalf("%d serials abandoned, %d count as revoked", dropped, revoked)
	}
	for _, c := range issued {
		got, err := f.Store.Issued(ctx, c.RequestID)
		must(t, err)
		if !bytes.Equal(got.DER, c.DER) {
			t.Fatalf("%s is stored differently from how it was handed out", c.RequestID)
		}
		must(t, parse(t, c).CheckSignatureFrom(f.Issuing))
	}
}

// TestFaultAtEveryStep fails each durable step of one issue in both ways, then repeats the request.
func TestFaultAtEveryStep(t *testing.T) {
	for _, fault := range []catest.Fault{catest.NotPersisted, catest.ThenPersisted} {
		for step := 1; ; step++ {
			f := newFaulty(t)
			req := f.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
			f.store.Arm(step, fault, 1)
			c, err := f.Authority.Issue(ctx, req)
			if f.store.Steps() < step {
				must(t, err)
				if step != 3 {
					t.Fatalf("issuing has %d durable steps, want 2", step-1)
				}
				break
			}
			if !errors.Is(err, catest.ErrFault) {
				t.Fatalf("fault %d at step %d: got %v, %v", fault, step, c, err)
			}
			c, err = f.Authority.Issue(ctx, req)
			must(t, err)
			f.check(t, c)
		}
	}
}

// TestFaultThenReconcile fails each step and never repeats: Reconcile ends what is open, and only then.
func TestFaultThenReconcile(t *testing.T) {
	for _, fault := range []catest.Fault{catest.NotPersisted, catest.ThenPersisted} {
		for step := 1; step <= 2; step++ {
			t.Run(fmt.Sprint("fault ", fault, " step ", step), func(t *testing.T) {
				f := newFaulty(t)
				req := f.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
				f.store.Arm(step, fault, 1)
				if _, err := f.Authority.Issue(ctx, req); !errors.Is(err, catest.ErrFault) {
					t.Fatalf("got %v", err)
				}
				report, err := f.Authority.Reconcile(ctx)
				must(t, err)
				if len(report.Ended) != 0 {
					t.Fatal("an intent of a moment ago was ended")
				}
				f.clock.at = f.clock.at.Add(2 * time.Minute)
				_, err = f.Authority.Reconcile(ctx)
				must(t, err)
				if c, err := f.Store.Issued(ctx, "r"); err == nil {
					f.check(t, c) // it had been recorded after all
				} else {
					f.check(t)
				}
				c, err := f.Authority.Issue(ctx, req)
				must(t, err)
				f.check(t, c)
			})
		}
	}
}

func TestPairFaultAtEveryStep(t *testing.T) {
	for _, fault := range []catest.Fault{catest.NotPersisted, catest.ThenPersisted} {
		for step := 1; step <= 2; step++ {
			f := newFaulty(t)
			req := pairRequest(t, f.Tree, "p")
			f.store.Arm(step, fault, 1)
			if _, err := f.Authority.IssuePair(ctx, req); !errors.Is(err, catest.ErrFault) {
				t.Fatalf("fault %d at step %d: %v", fault, step, err)
			}
			pair, err := f.Authority.IssuePair(ctx, req)
			must(t, err)
			f.check(t, pair.Sign, pair.Enc)
		}
	}
}

func TestReconcileItselfFails(t *testing.T) {
	for _, fault := range []catest.Fault{catest.NotPersisted, catest.ThenPersisted} {
		f := newFaulty(t)
		req := f.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
		f.store.Arm(2, catest.NotPersisted, 1)
		if _, err := f.Authority.Issue(ctx, req); err == nil {
			t.Fatal("no fault")
		}
		f.clock.at = f.clock.at.Add(2 * time.Minute)
		f.store.Arm(1, fault, 1)
		if _, err := f.Authority.Reconcile(ctx); !errors.Is(err, catest.ErrFault) {
			t.Fatalf("got %v", err)
		}
		_, err := f.Authority.Reconcile(ctx)
		must(t, err)
		f.check(t)
	}
}

// TestReconcileLeavesCertificates: an intent is recorded between the listing and the ending.
func TestReconcileLeavesCertificates(t *testing.T) {
	f := newFaulty(t)
	req := f.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	slow := make(chan struct{})
	reached := make(chan struct{})
	f.witness.Before(func() { close(reached); <-slow })
	done := make(chan *ca.Certificate)
	go func() {
		c, err := f.Authority.Issue(ctx, req)
		if err != nil {
			t.Error(err)
		}
		done <- c
	}()
	<-reached
	open, err := f.Store.OpenIntents(ctx, f.clock.at.Add(time.Hour), 10)
	must(t, err)
	f.witness.Before(nil)
	close(slow)
	c := <-done
	lists := &staleList{Store: f.Store, list: open}
	cfg := issuingConfig(f.Tree, lists)
	a, err := ca.New(cfg)
	must(t, err)
	_, err = a.Reconcile(ctx)
	must(t, err)
	got, err := f.Store.Issued(ctx, "r")
	must(t, err)
	if got.Revoked != nil {
		t.Fatal("Reconcile revoked a certificate that was recorded meanwhile")
	}
	f.check(t, c)
}

type staleList struct {
	ca.Store
	list []ca.Intent
}

func (s *staleList) OpenIntents(context.Context, time.Time, int) ([]ca.Intent, error) {
	return s.list, nil
}

// TestReconcileAgainstRunningAttempt: an attempt slower than staleAfter loses its intent, starts again and ends with one certificate.
func TestReconcileAgainstRunningAttempt(t *testing.T) {
	f := newFaulty(t)
	req := f.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	first := true
	f.witness.Before(func() {
		if !first {
			return
		}
		first = false
		f.clock.at = f.clock.at.Add(2 * time.Minute)
		if report, err := f.Authority.Reconcile(ctx); err != nil || len(report.Ended) != 1 {
			t.Errorf("%d ended, error %v", len(report.Ended), err)
		}
	})
	c, err := f.Authority.Issue(ctx, req)
	must(t, err)
	f.check(t, c)
}

func TestCancelledContext(t *testing.T) {
	f := newFaulty(t)
	req := f.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := f.Authority.Issue(gone, req); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	midway, cancel := context.WithCancel(ctx)
	f.witness.Before(cancel)
	_, err := f.Authority.Issue(midway, req)
	f.witness.Before(nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled while signing: %v", err)
	}
	c, err := f.Authority.Issue(ctx, req)
	must(t, err)
	f.check(t, c)
}

func TestKeyFails(t *testing.T) {
	f := newFaulty(t)
	req := f.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	broken := errors.New("device removed")
	f.witness.Fail(broken)
	for range 3 {
		if _, err := f.Authority.Issue(ctx, req); !errors.Is(err, broken) {
			t.Fatalf("got %v", err)
		}
	}
	f.witness.Fail(nil)
	c, err := f.Authority.Issue(ctx, req)
	must(t, err)
	f.check(t, c)
}

// TestDatabaseGone fails everything for a while under concurrency; afterwards every request has exactly one certificate.
func TestDatabaseGone(t *testing.T) {
	f := newFaulty(t)
	var reqs []ca.Request
	for i := range 32 {
		reqs = append(reqs, f.Request(t, fmt.Sprint("r", i), "org-sign", catest.Key(t, pki.SM2)))
	}
	for round, fault := range []catest.Fault{catest.NotPersisted, catest.ThenPersisted} {
		f.store.Arm(1, fault, 1000)
		errs := make(chan error)
		for _, r := range reqs {
			go func() { _, err := f.Authority.Issue(ctx, r); errs <- err }()
		}
		for range reqs {
			if err := <-errs; err == nil {
				t.Errorf("round %d: issued without a database", round)
			}
		}
	}
	f.store.Arm(0, 0, 0)
	var certs []*ca.Certificate
	for _, r := range reqs {
		c, err := f.Authority.Issue(ctx, r)
		must(t, err)
		certs = append(certs, c)
	}
	f.check(t, certs...)
}
