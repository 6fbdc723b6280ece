package ca_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

// gatedStore lets a query go only when it is told to.
type gatedStore struct {
	ca.Store
	queries atomic.Int64
	gate    chan struct{}
}

func (s *gatedStore) Find(ctx context.Context, ids []ca.RequestID, keys [][32]byte) ([]ca.Certificate, error) {
	s.queries.Add(1)
	<-s.gate
	return s.Store.Find(ctx, ids, keys)
}

// TestSharedLookup: callers who wait for the same query get each their own answer: a certificate of before, a refusal, a new one.
func TestSharedLookup(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	used := catest.Key(t, pki.SM2)
	first, err := tree.Authority.Issue(ctx, tree.Request(t, "first", "org-sign", used))
	must(t, err)
	gated := &gatedStore{Store: tree.Store, gate: make(chan struct{})}
	a, err := ca.New(issuingConfig(tree, gated))
	must(t, err)

	var wg sync.WaitGroup
	issue := func(id string, r ca.Request, want func(*ca.Certificate, error) bool) {
		wg.Go(func() {
			if c, err := a.Issue(ctx, r); !want(c, err) {
				t.Errorf("%s: %v, %v", id, c, err)
			}
		})
	}
	made := func(c *ca.Certificate, err error) bool { return err == nil && c.SerialHex != first.SerialHex }
	issue("the one that keeps the store busy", tree.Request(t, "busy", "org-sign", catest.Key(t, pki.SM2)), made)
	waitUntil(t, func() bool { return gated.queries.Load() == 1 })
	for i := range 20 {
		issue("new", tree.Request(t, fmt.Sprint("new", i), "org-sign", catest.Key(t, pki.SM2)), made)
		issue("key in use", tree.Request(t, fmt.Sprint("other", i), "org-sign", used), func(_ *ca.Certificate, err error) bool {
			return errors.Is(err, ca.ErrKeyCertified)
		})
	}
	issue("again", tree.Request(t, "first", "org-sign", used), func(c *ca.Certificate, err error) bool {
		return err == nil && c.SerialHex == first.SerialHex
	})
	waitUntil(t, func() bool { return a.WaitingLookups() == 21 }) // one of the twenty-one over the same key: they wait for each other
	close(gated.gate)
	wg.Wait()
	if n := gated.queries.Load(); n > 23 {
		t.Errorf("%d queries for 42 questions", n)
	}
}

func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	for range 10_000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("never happened")
}
