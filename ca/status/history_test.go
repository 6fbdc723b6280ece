package status_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// shardedSite is a site whose certificates are spread over shards, with deltas of everything.
func shardedSite(t testing.TB, shards int) *site {
	t.Helper()
	s := newSite(t, pki.P256)
	const url = "http://ca.test/crl/issuing.crl"
	var err error
	s.Authority, err = ca.New(ca.Config{Store: s.Store, Now: s.clock.now, CAs: []ca.CAConfig{{
		ID: "issuing", Certificate: s.Issuing, Chain: []*pki.Certificate{s.Root}, Signer: s.IssuingKey, CRLURL: url, CRLShards: shards,
	}}})
	must(t, err)
	s.Service = s.another(t, shards)
	s.http.Config.Handler = s.Handler()
	return s
}

// another is one more server on the same store.
func (s *site) another(t testing.TB, shards int) *status.Service {
	t.Helper()
	c := config(s.Tree, s.clock.now)
	one := c.CAs["issuing"]
	one.CRLURL, one.Shards, one.Deltas = "http://ca.test/crl/issuing.crl", shards, true
	c.CAs["issuing"] = one
	service, err := status.New(c)
	must(t, err)
	return service
}

func (s *site) get(t testing.TB, path string) []byte {
	t.Helper()
	resp, err := http.Get(s.http.URL + path)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.StatusCode != 200 {
		t.Fatalf("GET %s: %s", path, resp.Status)
	}
	return body
}

func (s *site) fetch(t testing.TB, path string) *pki.CRL {
	t.Helper()
	list, err := pki.ParseCRL(s.get(t, path))
	must(t, err)
	must(t, list.CheckSignatureFrom(s.Issuing))
	return list
}

// client is a relying party that keeps a whole list and brings it up to date by deltas.
type client struct {
	base    *pki.CRL
	reasons map[string]int
}

func (c *client) take(list *pki.CRL) {
	c.base, c.reasons = list, map[string]int{}
	for _, e := range list.Entries {
		c.reasons[string(e.Serial)] = e.Reason
	}
}

// update follows RFC 5280 §5.2.4: a delta may be added to a list that is not older than its base and older than itself.
func (c *client) update(t testing.TB, delta *pki.CRL) map[string]int {
	t.Helper()
	if delta.DeltaBase == nil || c.base.Number.Cmp(delta.DeltaBase) < 0 || c.base.Number.Cmp(delta.Number) >= 0 {
		t.Fatalf("delta %s to %s cannot be added to %s", delta.Number, delta.DeltaBase, c.base.Number)
	}
	now := map[string]int{}
	for serial, reason := range c.reasons {
		now[serial] = reason
	}
	for _, e := range delta.Entries {
		if delete(now, string(e.Serial)); e.Reason != ca.RemoveFromCRL {
			now[string(e.Serial)] = e.Reason
		}
	}
	return now
}

// TestRandomHistoryAgrees: after every few steps of a random history, the store, OCSP, the whole list, a kept list with the delta, and the
// list of each certificate's shard say the same of every serial.
func TestRandomHistoryAgrees(t *testing.T) {
	const shards, rounds = 3, 25
	s := shardedSite(t, shards)
	rnd := mathrand.New(mathrand.NewPCG(1, 2))
	must(t, s.PublishDue(ctx))
	keepers := map[string]*client{}
	paths := map[string]string{"": "/crl/issuing"}
	for n := 1; n <= shards; n++ {
		paths[fmt.Sprint(n)] = fmt.Sprint("/crl/issuing/", n)
	}
	for name, path := range paths {
		keepers[name] = &client{}
		keepers[name].take(s.fetch(t, path+".crl"))
	}
	var certs []*pki.Certificate
	fulls := 0
	for range rounds {
		for range 1 + rnd.IntN(4) {
			certs = append(certs, s.issue(t))
		}
		for range rnd.IntN(6) {
			reasons := []int{ca.CertificateHold, ca.CertificateHold, ca.RemoveFromCRL, ca.RemoveFromCRL, ca.Superseded, ca.KeyCompromise}
			err := s.Authority.Revoke(ctx, ca.Revocation{CA: "issuing", SerialHex: certs[rnd.IntN(len(certs))].SerialHex, Reason: reasons[rnd.IntN(6)]})
			if err != nil && !errors.Is(err, ca.ErrAlreadyRevoked) {
				t.Fatal(err)
			}
		}
		s.clock.at = s.clock.at.Add(time.Duration(rnd.IntN(9)) * time.Hour)
		must(t, s.PublishDue(ctx))
		whole := s.fetch(t, "/crl/issuing.crl")
		if fresh := whole.Number.Cmp(keepers[""].base.Number) > 0; fresh {
			fulls++
		}
		says := map[string]map[string]int{}
		for name, path := range paths {
			delta := s.fetch(t, path+"-delta.crl")
			says[name] = keepers[name].update(t, delta)
			newest := &client{}
			newest.take(s.fetch(t, path+".crl"))
			if again := newest.update(t, delta); fmt.Sprint(again) != fmt.Sprint(says[name]) {
				t.Fatalf("list %q: with the newest base %v, with the kept one %v", name, again, says[name])
			}
			if rnd.IntN(2) == 0 || newest.base.Number.Cmp(keepers[name].base.Number) > 0 {
				keepers[name] = newest
			}
		}
		for _, c := range certs {
			s.agree(t, c, says)
		}
	}
	if fulls < 2 || fulls == rounds {
		t.Fatalf("%d whole lists in %d rounds: this history shows little", fulls, rounds)
	}
}

// agree asks everybody about one certificate.
func (s *site) agree(t *testing.T, c *pki.Certificate, says map[string]map[string]int) {
	t.Helper()
	st, err := s.Store.Lookup(ctx, "issuing", c.SerialHex)
	must(t, err)
	_, der := certIDHash(t, c, s.Issuing)
	answer, err := ocsp.ParseResponse(s.post(t, der), stdCertificate(t, s.Issuing))
	must(t, err)
	if (answer.Status == ocsp.Revoked) != (st.State == status.Revoked) || answer.Status == ocsp.Unknown || st.State == status.Revoked && answer.RevocationReason != st.Reason {
		t.Fatalf("%s: store %+v, OCSP %d for %d", c.SerialHex, st, answer.Status, answer.RevocationReason)
	}
	kept, err := s.Store.BySerial("issuing", c.SerialHex)
	must(t, err)
	if c.CRLURLs[0] != ca.ShardURL("http://ca.test/crl/issuing.crl", kept.Shard) {
		t.Fatalf("%s of shard %d names %v", c.SerialHex, kept.Shard, c.CRLURLs)
	}
	for name, list := range says {
		reason, listed := list[string(bytes.TrimLeft(c.Serial, "\x00"))]
		if name != "" && name != fmt.Sprint(kept.Shard) {
			if listed {
				t.Fatalf("%s of shard %d is in the list of shard %s", c.SerialHex, kept.Shard, name)
			}
			continue
		}
		if listed != (st.State == status.Revoked) || listed && reason != st.Reason {
			t.Fatalf("%s: store %+v, list %q says %v for %d", c.SerialHex, st, name, listed, reason)
		}
	}
}

// TestShardList: its scope is critical, names the address that certificates name, and covers just these.
func TestShardList(t *testing.T) {
	s := shardedSite(t, 2)
	c := s.issue(t)
	s.revoke(t, c, ca.Superseded)
	must(t, s.PublishCRL(ctx, "issuing"))
	covered := 0
	for n := 1; n <= 2; n++ {
		list := s.fetch(t, fmt.Sprintf("/crl/issuing/%d.crl", n))
		if list.Scope == nil || len(list.Scope.URLs) != 1 || list.Scope.URLs[0] != fmt.Sprintf("http://ca.test/crl/issuing/%d.crl", n) {
			t.Fatalf("scope %+v", list.Scope)
		}
		if list.Covers(c) {
			covered++
			if list.Find(c.Serial) == nil {
				t.Fatal("the list that covers it does not show it")
			}
		}
	}
	if covered != 1 {
		t.Fatalf("%d shards cover one certificate", covered)
	}
	whole := s.fetch(t, "/crl/issuing.crl")
	if whole.Scope != nil || whole.Find(c.Serial) == nil || !whole.Covers(c) {
		t.Fatal("the list of all does not show what is in a shard")
	}
	freshest := 0
	for _, e := range whole.Extensions {
		if e.OID == "2.5.29.46" && bytes.Contains(e.Value, []byte("http://ca.test/crl/issuing-delta.crl")) {
			freshest++
		}
	}
	if freshest != 1 {
		t.Fatalf("freshestCRL: %v", whole.Extensions)
	}
	for _, path := range []string{"/crl/issuing/0.crl", "/crl/issuing/3.crl", "/crl/issuing/01.crl", "/crl/issuing/+1.crl", "/crl/issuing/1/1.crl", "/crl/root-delta.crl", "/crl/root/1.crl", "/crl/-delta.crl"} {
		resp, err := http.Get(s.http.URL + path)
		must(t, err)
		must(t, resp.Body.Close())
		if resp.StatusCode != 404 {
			t.Errorf("GET %s: %s", path, resp.Status)
		}
	}
}

// TestRevokedAfterItsEnd: a certificate that is revoked when it has expired is shown in one list at least.
func TestRevokedAfterItsEnd(t *testing.T) {
	s := newSite(t, pki.SM2)
	c := s.issue(t)
	s.clock.at = c.NotAfter.Add(48 * time.Hour)
	must(t, s.PublishCRL(ctx, "issuing"))
	s.clock.at = s.clock.at.Add(time.Hour)
	s.revoke(t, c, ca.KeyCompromise)
	must(t, s.PublishCRL(ctx, "issuing"))
	if s.latest(t).Find(c.Serial) == nil {
		t.Fatal("a revocation after the end was never shown")
	}
	s.clock.at = s.clock.at.Add(time.Hour)
	must(t, s.PublishCRL(ctx, "issuing"))
	if s.latest(t).Find(c.Serial) != nil {
		t.Fatal("it stays for ever")
	}
}

// TestTwoServersPublishOnce: of many that find the lists due at once, one makes them; and a server whose lease was taken while it worked
// publishes nothing.
func TestTwoServersPublishOnce(t *testing.T) {
	s := shardedSite(t, 2)
	servers := []*status.Service{s.Service, s.another(t, 2), s.another(t, 2), s.another(t, 2)}
	ours, err := s.Store.Lease(ctx, "crl issuing", "somebody else", s.clock.at.Add(time.Minute))
	must(t, err)
	if !ours {
		t.Fatal("no lease")
	}
	if err := s.PublishCRL(ctx, "issuing"); !errors.Is(err, status.ErrBusy) {
		t.Fatalf("published while another does: %v", err)
	}
	must(t, s.PublishDue(ctx)) // busy is no failure
	if _, err := s.Store.LatestCRL(ctx, "issuing"); !errors.Is(err, status.ErrNoCRL) {
		t.Fatal("a list was made")
	}
	s.clock.at = s.clock.at.Add(time.Hour)
	done := make(chan error)
	for _, one := range servers {
		go func() { done <- one.PublishDue(ctx) }()
	}
	for range servers {
		must(t, <-done)
	}
	if n := s.Store.Lists("issuing"); n != 1 {
		t.Fatalf("%d lists were made", n)
	}
	stolen := &thief{Store: s.Store, at: s.clock.now}
	c := config(s.Tree, s.clock.now)
	c.Store = stolen
	slow, err := status.New(c)
	must(t, err)
	s.clock.at = s.clock.at.Add(25 * time.Hour)
	if err := slow.PublishCRL(ctx, "issuing"); !errors.Is(err, status.ErrBusy) {
		t.Fatalf("a lease that was lost: %v", err)
	}
	if n := s.Store.Lists("issuing"); n != 1 {
		t.Fatalf("%d lists after a lost lease", n)
	}
}

// thief takes the lease over while a list is being made, as happens to a process that stood still for too long.
type thief struct {
	status.Store
	at func() time.Time
}

func (s *thief) Revoked(c context.Context, caID string, part status.Part, f func(status.Entry) error) (int64, error) {
	revision, err := s.Store.Revoked(c, caID, part, f)
	return revision, errors.Join(err, s.steal(c, caID))
}

func (s *thief) steal(c context.Context, caID string) error {
	s.Store.(*catest.Store).Expire("crl " + caID)
	_, err := s.Store.Lease(c, "crl "+caID, "thief", s.at().Add(time.Hour))
	return err
}

// TestOverdue: what is past half its life is told, what is not is not.
func TestOverdue(t *testing.T) {
	s := shardedSite(t, 1)
	names := func() map[string]bool {
		t.Helper()
		late, err := s.Overdue(ctx)
		must(t, err)
		m := map[string]bool{}
		for _, l := range late {
			m[l.List] = true
		}
		return m
	}
	if n := names(); len(n) != 5 { // root, issuing, its delta, its shard, the delta of that
		t.Fatalf("missing: %v", n)
	}
	must(t, s.PublishDue(ctx))
	if n := names(); len(n) != 0 {
		t.Fatalf("fresh lists are late: %v", n)
	}
	s.clock.at = s.clock.at.Add(13 * time.Hour)
	if n := names(); len(n) != 2 || !n["issuing+delta"] || !n["issuing/1+delta"] {
		t.Fatalf("deltas of 24 h after 13: %v", n)
	}
	s.clock.at = s.clock.at.Add(72 * time.Hour)
	if n := names(); len(n) != 5 {
		t.Fatalf("lists of 7 days after 3.5: %v", n)
	}
}
