package status_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// countingStore counts what is asked.
type countingStore struct {
	status.Store
	lookups, revisions atomic.Int32
}

func (s *countingStore) Lookup(c context.Context, caID, serialHex string) (status.Status, error) {
	s.lookups.Add(1)
	return s.Store.Lookup(c, caID, serialHex)
}

func (s *countingStore) Revision(c context.Context, caID string) (int64, error) {
	s.revisions.Add(1)
	return s.Store.Revision(c, caID)
}

// TestKeptAnswersAcrossServers: what another server revokes is seen after RevisionFor, what this one revokes at once; between, a kept answer
// costs no look at the store at all.
func TestKeptAnswersAcrossServers(t *testing.T) {
	s := newSite(t, pki.P256)
	cert := s.issue(t)
	plain := request(t, nil, id(t, s.Issuing, cert.Serial, oidSHA256, sha))
	store := &countingStore{Store: s.Store}
	c := config(s.Tree, s.clock.now)
	c.Store, c.RevisionFor = store, time.Hour
	far, err := status.New(c)
	must(t, err)
	c.Store, c.RevisionFor = s.Store, 30*time.Millisecond
	near, err := status.New(c)
	must(t, err)
	ask := func(service *status.Service) byte {
		t.Helper()
		s.http.Config.Handler = service.Handler()
		_, states := basic(t, s.post(t, plain), s.Issuing)
		return states[0]
	}
	for range 10 {
		if ask(far) != 0 || ask(near) != 0 {
			t.Fatal("not good")
		}
	}
	if n, m := store.lookups.Load(), store.revisions.Load(); n != 1 || m != 1 {
		t.Fatalf("ten answers took %d look-ups and %d revisions", n, m)
	}
	s.revoke(t, cert, ca.KeyCompromise)
	time.Sleep(40 * time.Millisecond)
	if ask(near) != 1 {
		t.Fatal("a revocation by another server is not seen after RevisionFor")
	}
	far.Changed("issuing")
	if ask(far) != 1 {
		t.Fatal("a revocation by this server is not seen at once")
	}
	far.Changed("nobody")
}

// TestRememberedStates: answers that are signed each time look a serial up once, and again after anything was revoked or released, by whatever
// server; what is unknown is looked up each time.
func TestRememberedStates(t *testing.T) {
	s := newSite(t, pki.P256)
	one, other := s.issue(t), s.issue(t)
	store := &countingStore{Store: s.Store}
	c := config(s.Tree, s.clock.now)
	c.Store = store
	service, err := status.New(c)
	must(t, err)
	s.http.Config.Handler = service.Handler()
	ask := func(serial []byte, state byte, lookups int32) {
		t.Helper()
		store.lookups.Store(0)
		for range 3 {
			if _, states := basic(t, s.post(t, request(t, []extension{nonce(t, 16)}, id(t, s.Issuing, serial, oidSHA256, sha))), s.Issuing); states[0] != state {
				t.Fatalf("state %d, want %d", states[0], state)
			}
		}
		if n := store.lookups.Load(); n != lookups {
			t.Fatalf("three answers took %d look-ups, want %d", n, lookups)
		}
	}
	ask(one.Serial, 0, 1)
	ask(one.Serial, 0, 0)
	ask([]byte{9}, 2, 3)
	for _, change := range []struct {
		reason int
		state  byte
	}{{ca.CertificateHold, 1}, {ca.RemoveFromCRL, 0}, {ca.KeyCompromise, 1}} {
		s.revoke(t, other, change.reason)
		ask(one.Serial, 0, 1)
		ask(other.Serial, change.state, 1)
		ask(other.Serial, change.state, 0)
	}
}

// TestUnknownIsNotKept: a serial that was unknown is good as soon as it is issued, though nothing was revoked.
func TestUnknownIsNotKept(t *testing.T) {
	s := newSite(t, pki.P256)
	cert := s.issue(t)
	other := newSite(t, pki.P256)
	c := config(s.Tree, s.clock.now)
	c.Store = other.Store // which has not heard of it
	late, err := status.New(c)
	must(t, err)
	plain := request(t, nil, id(t, s.Issuing, cert.Serial, oidSHA256, sha))
	s.http.Config.Handler = late.Handler()
	if _, states := basic(t, s.post(t, plain), s.Issuing); states[0] != 2 {
		t.Fatal("not unknown")
	}
	kept, err := s.Store.BySerial("issuing", cert.SerialHex)
	must(t, err)
	must(t, other.Store.Intend(ctx, []ca.Intent{{Request: ca.Request{ID: "late", CA: "issuing"}, SerialHex: cert.SerialHex, TBS: []byte{1}}}))
	kept.RequestID = "late"
	must(t, other.Store.Record(ctx, []ca.Certificate{*kept}))
	if _, states := basic(t, s.post(t, plain), s.Issuing); states[0] != 0 {
		t.Fatal("still unknown")
	}
}

// TestSingleExtensions: how far back the answers go, and since when a key is not to be trusted.
func TestSingleExtensions(t *testing.T) {
	s := newSite(t, pki.P256)
	cert := s.issue(t)
	invalidAt := s.clock.at.Add(-3 * time.Hour)
	extensions := func() map[string][]byte {
		t.Helper()
		_, der := certIDHash(t, cert, s.Issuing)
		answer, err := ocsp.ParseResponse(s.post(t, der), stdCertificate(t, s.Issuing))
		must(t, err)
		m := map[string][]byte{}
		for _, e := range answer.Extensions {
			if e.Critical {
				t.Errorf("%s is critical", e.Id)
			}
			m[e.Id.String()] = e.Value
		}
		return m
	}
	generalized := func(at time.Time) []byte {
		return append([]byte{0x18, 15}, at.UTC().Format("20060102150405Z")...)
	}
	if m := extensions(); len(m) != 1 || !bytes.Equal(m["1.3.6.1.5.5.7.48.1.6"], generalized(s.Issuing.NotBefore)) {
		t.Fatalf("good: %x", m)
	}
	must(t, s.Authority.Revoke(ctx, ca.Revocation{CA: "issuing", SerialHex: cert.SerialHex, Reason: ca.KeyCompromise, InvalidAt: invalidAt}))
	if m := extensions(); len(m) != 2 || !bytes.Equal(m["2.5.29.24"], generalized(invalidAt)) {
		t.Fatalf("revoked: %x", m)
	}
}

// TestSetResponder: the next responder answers from the next question on, kept answers or not; a wrong one is refused and changes nothing.
func TestSetResponder(t *testing.T) {
	s := newSite(t, pki.P256)
	cert := s.issue(t)
	plain := request(t, nil, id(t, s.Issuing, cert.Serial, oidSHA256, sha))
	first := s.post(t, plain)
	if s.ResponderOf("issuing") != s.Responder || s.ResponderOf("root") != nil {
		t.Fatal("not the configured responders")
	}
	for _, key := range []struct{ ca, what string }{{"issuing", "other key"}, {"nobody", "unknown CA"}} {
		if err := s.SetResponder(key.ca, s.Responder, s.RootKey); err == nil {
			t.Errorf("%s: accepted", key.what)
		}
	}
	if !bytes.Equal(first, s.post(t, plain)) {
		t.Fatal("a refused responder changed something")
	}
	nextKey := catest.Key(t, pki.P256)
	next, err := ca.CreateResponder(ctx, s.Tree.Authority, ca.KeyRequest{ID: "next", CA: "issuing", Subject: s.Responder.Subject, Key: nextKey})
	must(t, err)
	must(t, s.SetResponder("issuing", next, nextKey))
	second := s.post(t, plain)
	basic(t, second, s.Issuing)
	if !bytes.Contains(second, next.Raw) || bytes.Contains(second, s.Responder.Raw) {
		t.Fatal("the answer is not by the next responder")
	}
}
