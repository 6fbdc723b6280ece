package acme_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3"
	acmeclient "github.com/mholt/acmez/v3/acme"
	peer "golang.org/x/crypto/acme"

	"signet/api/acme"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// TestEveryChallenge: a client that is not ours gets certificates by each challenge, and they are the CA's like any other.
func TestEveryChallenge(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := open(t, db, nil)
		for _, c := range []struct {
			challenge string
			alg       pki.KeyAlg
			names     []string
		}{
			{"http-01", pki.P256, []string{"a.acme.test", "b.acme.test"}}, {"dns-01", pki.P384, []string{"*.wild.acme.test"}}, {"tls-alpn-01", pki.RSA2048, []string{"a.acme.test"}},
		} {
			t.Run(c.challenge, func(t *testing.T) {
				client := w.client(c.challenge)
				chain := w.obtain(client, w.member(client), catest.Key(t, c.alg), c.names...)
				if len(chain) != 2 {
					t.Fatalf("chain of %d", len(chain))
				}
				for _, n := range c.names {
					w.trusted(chain, strings.Replace(n, "*", "x", 1))
				}
				leaf := chain[0]
				if o := leaf.Subject.Organization; len(o) != 1 || o[0] != "示例建设有限公司" {
					t.Errorf("organisation %v", o)
				}
				if life := leaf.NotAfter.Sub(leaf.NotBefore); life != 90*24*time.Hour {
					t.Errorf("valid for %s", life)
				}
				if kept := w.issued(leaf); kept.Profile != "server" || !strings.HasPrefix(string(kept.RequestID), "acme/ord_") || !strings.HasPrefix(kept.By, "acme acc_") {
					t.Errorf("%+v", kept)
				}
			})
		}
		must(t, db.VerifyAudit(t.Context()))
	})
}

// TestAddress: a server may have a certificate for its address.
func TestAddress(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	c := w.client("http-01")
	k := w.key(func(q *store.ACMEKeyRequest) { q.Names = []string{"127.0.0.0/8"} })
	a, err := w.account(c, k, k.Secret(secret))
	must(t, err)
	chain := w.obtain(c, a, catest.Key(t, pki.P256), "127.0.0.1")
	w.trusted(chain, "127.0.0.1")
	if chain[0].Subject.CommonName != "127.0.0.1" || len(chain[0].DNSNames) != 0 {
		t.Errorf("%s %v", chain[0].Subject, chain[0].DNSNames)
	}
}

// TestSecondClient: the standard library's neighbour speaks with it too, from directory to revocation.
func TestSecondClient(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, k := t.Context(), w.key(nil)
	c := &peer.Client{Key: catest.Key(t, pki.P256), DirectoryURL: w.url + "/acme/directory", HTTPClient: w.http}
	_, err := c.Register(ctx, &peer.Account{ExternalAccountBinding: &peer.ExternalAccountBinding{KID: k.ID, Key: k.Secret(secret)}}, peer.AcceptTOS)
	must(t, err)
	o, err := c.AuthorizeOrder(ctx, peer.DomainIDs("a.acme.test"))
	must(t, err)
	az, err := c.GetAuthorization(ctx, o.AuthzURLs[0])
	must(t, err)
	for _, ch := range az.Challenges {
		if ch.Type != "http-01" {
			continue
		}
		text, err := c.HTTP01ChallengeResponse(ch.Token)
		must(t, err)
		w.web.mu.Lock()
		w.web.pages[c.HTTP01ChallengePath(ch.Token)] = text
		w.web.mu.Unlock()
		_, err = c.Accept(ctx, ch)
		must(t, err)
	}
	o, err = c.WaitOrder(ctx, o.URI)
	must(t, err)
	key := catest.Key(t, pki.P256)
	ders, _, err := c.CreateOrderCert(ctx, o.FinalizeURL, request(t, key, "a.acme.test"), true)
	must(t, err)
	leaf, err := x509.ParseCertificate(ders[0])
	must(t, err)
	must(t, c.RevokeCert(ctx, nil, ders[0], peer.CRLReasonSuperseded))
	if st := w.status(leaf); st.State != status.Revoked || st.Reason != ca.Superseded {
		t.Errorf("%+v", st)
	}
	var again *peer.Error
	if err := c.RevokeCert(ctx, nil, ders[0], peer.CRLReasonSuperseded); err != nil && !errors.As(err, &again) { // the library takes alreadyRevoked for success
		t.Error(err)
	}
}

func request(t *testing.T, key crypto.Signer, names ...string) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(nil, &x509.CertificateRequest{DNSNames: names}, key)
	must(t, err)
	return der
}

func (w *world) status(c *x509.Certificate) status.Status {
	w.t.Helper()
	st, err := w.db.CA().Lookup(w.t.Context(), "issuing", w.issued(c).SerialHex)
	must(w.t, err)
	return st
}

// TestRevocation: by account key and by certificate key, never by another account, and only for reasons that a client may claim.
func TestRevocation(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client("http-01")
	a, other := w.member(c), w.member(c)
	key := catest.Key(t, pki.P256)
	first := w.obtain(c, a, key, "a.acme.test")[0]
	refused(t, c.RevokeCertificate(ctx, other, first, other.PrivateKey, ca.Unspecified), http.StatusForbidden, "unauthorized", "")
	refused(t, c.RevokeCertificate(ctx, a, first, catest.Key(t, pki.P256), ca.KeyCompromise), http.StatusForbidden, "unauthorized", "")
	refused(t, c.RevokeCertificate(ctx, a, first, a.PrivateKey, ca.CertificateHold), http.StatusBadRequest, "badRevocationReason", "reason 6")
	must(t, c.RevokeCertificate(ctx, a, first, key, ca.KeyCompromise))
	if st := w.status(first); st.State != status.Revoked || st.Reason != ca.KeyCompromise {
		t.Errorf("by certificate key: %+v", st)
	}
	refused(t, c.RevokeCertificate(ctx, a, first, a.PrivateKey, ca.Superseded), http.StatusBadRequest, "alreadyRevoked", "")
	second := w.obtain(c, a, catest.Key(t, pki.P256), "a.acme.test")[0]
	must(t, c.RevokeCertificate(ctx, a, second, a.PrivateKey, ca.CessationOfOperation))
	if st := w.status(second); st.Reason != ca.CessationOfOperation {
		t.Errorf("by account key: %+v", st)
	}
	refused(t, c.RevokeCertificate(ctx, a, asPlain(t, w.tree.Responder), a.PrivateKey, 0), http.StatusNotFound, "malformed", "no such certificate")
}

func asPlain(t *testing.T, c *pki.Certificate) *x509.Certificate {
	t.Helper()
	plain, err := x509.ParseCertificate(c.Raw)
	must(t, err)
	return plain
}

// refused wants a problem of a type, with words of its detail.
func refused(t *testing.T, err error, status int, typ, words string) {
	t.Helper()
	var p acmeclient.Problem
	if !errors.As(err, &p) || p.Status != status || p.Type != "urn:ietf:params:acme:error:"+typ || !strings.Contains(p.Detail, words) {
		t.Errorf("want %d %s %q, got %v", status, typ, words, err)
	}
}

// TestBinding: no account without a key, none by a wrong one, and no key twice.
func TestBinding(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	c := w.client()
	_, err := c.NewAccount(t.Context(), acmeclient.Account{PrivateKey: catest.Key(t, pki.P256)})
	refused(t, err, http.StatusBadRequest, "externalAccountRequired", "")
	k := w.key(nil)
	_, err = w.account(c, k, []byte("not the key that goes with this id"))
	refused(t, err, http.StatusForbidden, "unauthorized", "not signed with the key that goes with")
	_, err = w.account(c, &store.ACMEKey{ID: "eab_nobody"}, k.Secret(secret))
	refused(t, err, http.StatusForbidden, "unauthorized", "no external account binding")
	_, err = w.account(c, w.key(func(q *store.ACMEKeyRequest) { q.Protocol = store.ProtocolSCEP }), k.Secret(secret))
	refused(t, err, http.StatusForbidden, "unauthorized", "no external account binding")
	a, err := w.account(c, k, k.Secret(secret)) // a wrong try does not use it up
	must(t, err)
	_, err = w.account(c, k, k.Secret(secret))
	refused(t, err, http.StatusForbidden, "unauthorized", "used before")
	again, err := c.GetAccount(t.Context(), acmeclient.Account{PrivateKey: a.PrivateKey})
	must(t, err)
	if again.Location != a.Location {
		t.Errorf("%s is not %s", again.Location, a.Location)
	}
}

// TestEndedKey: when the operator ends a key its account can do nothing more, and what it began is not finished.
func TestEndedKey(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c, k := t.Context(), w.client("http-01"), w.key(nil)
	a, err := w.account(c, k, k.Secret(secret))
	must(t, err)
	o := w.ready(c, a, "a.acme.test")
	must(t, w.db.Tx(ctx, func(tx *store.Tx) error { return store.EndACMEKey(tx, k.ID, "test") }))
	_, err = c.FinalizeOrder(ctx, a, o, request(t, catest.Key(t, pki.P256), "a.acme.test"))
	refused(t, err, http.StatusForbidden, "unauthorized", "revoked")
	_, err = c.NewOrder(ctx, a, orderFor("a.acme.test"))
	refused(t, err, http.StatusForbidden, "unauthorized", "revoked")
	_, err = c.GetAccount(ctx, acmeclient.Account{PrivateKey: a.PrivateKey})
	refused(t, err, http.StatusForbidden, "unauthorized", "revoked")
}

func orderFor(names ...string) (o acmeclient.Order) {
	for _, n := range names {
		o.Identifiers = append(o.Identifiers, acmeclient.Identifier{Type: "dns", Value: n})
	}
	return o
}

// ready takes an order as far as finalizing.
func (w *world) ready(c *acmez.Client, a acmeclient.Account, names ...string) acmeclient.Order {
	w.t.Helper()
	ctx := w.t.Context()
	o, err := c.NewOrder(ctx, a, orderFor(names...))
	must(w.t, err)
	for _, url := range o.Authorizations {
		az, err := c.GetAuthorization(ctx, a, url)
		must(w.t, err)
		for _, ch := range az.Challenges {
			if ch.Type == "http-01" {
				must(w.t, w.web.Present(ctx, ch))
				_, err = c.InitiateChallenge(ctx, a, ch)
				must(w.t, err)
			}
		}
	}
	o, err = c.GetOrder(ctx, a, o)
	must(w.t, err)
	if o.Status != "ready" {
		w.t.Fatalf("order is %s: %+v", o.Status, o.Error)
	}
	return o
}

// TestNames: only the names of the key, and nothing that is not a name.
func TestNames(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client("http-01")
	a := w.member(c)
	for _, n := range []string{"other.acme.test", "x.a.acme.test", "*.acme.test", "acme.test"} {
		_, err := c.NewOrder(ctx, a, orderFor("a.acme.test", n))
		refused(t, err, http.StatusForbidden, "rejectedIdentifier", n)
	}
	_, err := c.NewOrder(ctx, a, acmeclient.Order{Identifiers: []acmeclient.Identifier{{Type: "ip", Value: "192.0.2.1"}}})
	refused(t, err, http.StatusForbidden, "rejectedIdentifier", "192.0.2.1")
	_, err = c.NewOrder(ctx, a, acmeclient.Order{Identifiers: []acmeclient.Identifier{{Type: "permanent-identifier", Value: "x"}}})
	refused(t, err, http.StatusBadRequest, "unsupportedIdentifier", "permanent-identifier")
	_, err = c.NewOrder(ctx, a, orderFor("a.acme.test", "b.acme.test", "A.acme.test"))
	refused(t, err, http.StatusBadRequest, "malformed", "named twice")
	_, err = c.NewOrder(ctx, a, orderFor("192.0.2.1"))
	refused(t, err, http.StatusBadRequest, "malformed", "")
	soon := time.Now().Add(time.Hour)
	o := orderFor("a.acme.test")
	o.NotAfter = &soon
	_, err = c.NewOrder(ctx, a, o)
	refused(t, err, http.StatusBadRequest, "malformed", "the profile decides")
}

// TestRequestMustFit: finalizing wants the order's names, a key nobody certified before, and one that these protocols can carry.
func TestRequestMustFit(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client("http-01")
	a, key := w.member(c), catest.Key(t, pki.P256)
	o := w.ready(c, a, "a.acme.test")
	_, err := c.FinalizeOrder(ctx, a, o, request(t, key, "a.acme.test", "b.acme.test"))
	refused(t, err, http.StatusBadRequest, "badCSR", "")
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "a.acme.test"})
	must(t, err)
	sm2, err := pki.CreateCertificateRequest(nil, catest.Key(t, pki.SM2), subject)
	must(t, err)
	_, err = c.FinalizeOrder(ctx, a, o, sm2)
	refused(t, err, http.StatusBadRequest, "badCSR", "unsupported: SM2")
	o, err = c.FinalizeOrder(ctx, a, o, request(t, key, "a.acme.test")) // refusals do not spoil the order
	must(t, err)
	_, err = c.GetCertificateChain(ctx, w.member(c), o.Certificate)
	refused(t, err, http.StatusUnauthorized, "unauthorized", "")
	next := w.ready(c, a, "a.acme.test")
	_, err = c.FinalizeOrder(ctx, a, next, request(t, key, "a.acme.test"))
	refused(t, err, http.StatusBadRequest, "badCSR", "certified before")
}

// TestSM2Account: an account key that JOSE cannot carry is refused in words that say so.
func TestSM2Account(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	for body, want := range map[string]string{
		`{"alg":"ES256","jwk":{"kty":"EC","crv":"SM2","x":"AA","y":"AA"}}`: "badPublicKey", `{"alg":"SM2","jwk":{"kty":"EC","crv":"P-256"}}`: "badSignatureAlgorithm",
		`{"alg":"SM3withSM2","kid":"` + w.url + `/acme/account/acc_x"}`: "badSignatureAlgorithm",
	} {
		p := w.post("new-account", sign(body, "{}", "AA"))
		if p.Type != "urn:ietf:params:acme:error:"+want || !strings.HasPrefix(p.Detail, "unsupported: SM2") || p.nonce == "" || want == "badSignatureAlgorithm" && len(p.Algorithms) == 0 {
			t.Errorf("%s: %+v", want, p)
		}
	}
}

// TestFailedChallenge: a wrong answer ends challenge, authorization and order, says why, and repeats nothing of what it found.
func TestFailedChallenge(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client()
	a := w.member(c)
	for typ, want := range map[string]struct{ problem, words string }{
		"http-01": {"incorrectResponse", "is not what this account must show"}, "dns-01": {"incorrectResponse", "is not what this account must show"}, "tls-alpn-01": {"connection", "TLS dial"},
	} {
		o, err := c.NewOrder(ctx, a, orderFor("a.acme.test"))
		must(t, err)
		az, err := c.GetAuthorization(ctx, a, o.Authorizations[0])
		must(t, err)
		for _, ch := range az.Challenges {
			if ch.Type != typ {
				continue
			}
			w.web.mu.Lock()
			w.web.pages[ch.HTTP01ResourcePath()] = "secret page"
			w.web.mu.Unlock()
			w.dns.mu.Lock()
			w.dns.txt[ch.DNS01TXTRecordName()] = []string{"secret record"}
			w.dns.mu.Unlock()
			if ch, err = c.InitiateChallenge(ctx, a, ch); err != nil {
				t.Fatal(err)
			}
			if ch.Status != "invalid" || ch.Error == nil || !strings.HasSuffix(ch.Error.Type, want.problem) || !strings.Contains(ch.Error.Detail, want.words) || strings.Contains(ch.Error.Detail, "secret") {
				t.Errorf("%s: %s %+v", typ, ch.Status, ch.Error)
			}
		}
		if az, err = c.GetAuthorization(ctx, a, o.Authorizations[0]); err != nil || az.Status != "invalid" {
			t.Errorf("authorization is %s: %v", az.Status, err)
		}
		if o, err = c.GetOrder(ctx, a, o); err != nil || o.Status != "invalid" {
			t.Errorf("order is %s: %v", o.Status, err)
		}
	}
}

// TestRateLimit: a key allows so many orders in a day.
func TestRateLimit(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client()
	k := w.key(func(q *store.ACMEKeyRequest) { q.PerDay = 2 })
	a, err := w.account(c, k, k.Secret(secret))
	must(t, err)
	for range 2 {
		_, err := c.NewOrder(ctx, a, orderFor("a.acme.test"))
		must(t, err)
	}
	_, err = c.NewOrder(ctx, a, orderFor("a.acme.test"))
	refused(t, err, http.StatusTooManyRequests, "rateLimited", "24 hours")
}

// TestRenewalInfo: when to renew, at once after a revocation, and one replacement per certificate.
func TestRenewalInfo(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client("http-01")
	a := w.member(c)
	leaf := w.obtain(c, a, catest.Key(t, pki.P256), "a.acme.test")[0]
	info, err := c.GetRenewalInfo(ctx, leaf)
	must(t, err)
	third := leaf.NotAfter.Sub(leaf.NotBefore) / 3
	if got := leaf.NotAfter.Sub(info.SuggestedWindow.Start); got != third || !info.SuggestedWindow.End.After(info.SuggestedWindow.Start) || !info.SuggestedWindow.End.Before(leaf.NotAfter) {
		t.Errorf("%+v", info.SuggestedWindow)
	}
	id, err := acmeclient.ARIUniqueIdentifier(leaf)
	must(t, err)
	replace := func(a acmeclient.Account) (acmeclient.Order, error) {
		o := orderFor("a.acme.test")
		o.Replaces = id
		return c.NewOrder(ctx, a, o)
	}
	_, err = replace(w.member(c))
	refused(t, err, http.StatusNotFound, "malformed", "to replace")
	o, err := replace(a)
	must(t, err)
	if o.Replaces != id {
		t.Errorf("replaces %q", o.Replaces)
	}
	params, err := acmez.OrderParametersFromCSR(a, parsed(t, request(t, catest.Key(t, pki.P256), "a.acme.test")))
	must(t, err)
	params.Replaces = leaf
	_, err = c.ObtainCertificate(ctx, params)
	must(t, err)
	_, err = replace(a)
	refused(t, err, http.StatusConflict, "alreadyReplaced", "")
	must(t, c.RevokeCertificate(ctx, a, leaf, a.PrivateKey, ca.Superseded))
	if info, err = c.GetRenewalInfo(ctx, leaf); err != nil || info.SuggestedWindow.End.After(time.Now()) {
		t.Errorf("after revocation %+v %v", info.SuggestedWindow, err)
	}
	for _, bad := range []string{"", "AA", "AA.AA", strings.Split(id, ".")[0] + ".fw", strings.Split(id, ".")[0] + ".__"} {
		r, err := w.http.Get(w.url + "/acme/renewal-info/" + bad)
		must(t, err)
		r.Body.Close()
		if r.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d", bad, r.StatusCode)
		}
	}
}

func parsed(t *testing.T, der []byte) *x509.CertificateRequest {
	t.Helper()
	q, err := x509.ParseCertificateRequest(der)
	must(t, err)
	return q
}

// TestPowerCutBetweenIssueAndOrder: the certificate is there and the order does not know. Asking again gives the same one.
func TestPowerCutBetweenIssueAndOrder(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client("http-01")
	a := w.member(c)
	o := w.ready(c, a, "a.acme.test")
	csr := request(t, catest.Key(t, pki.P256), "a.acme.test")
	trigger := func(sql string) {
		must(t, w.db.Tx(ctx, func(tx *store.Tx) error { return tx.DB().Exec(sql).Error }))
	}
	for _, table := range []string{"INSERT ON acme_certificates", "UPDATE ON acme_orders"} {
		trigger("CREATE TRIGGER cut BEFORE " + table + " BEGIN SELECT RAISE(ABORT, 'power cut'); END")
		short, cancel := context.WithCancel(ctx)
		c.HTTPClient = onlyOnce(w.http, cancel)
		_, err := c.FinalizeOrder(short, a, o, csr)
		if err == nil {
			t.Fatal("the cut was not noticed")
		}
		c.HTTPClient = w.http
		trigger("DROP TRIGGER cut")
	}
	done, err := c.FinalizeOrder(ctx, a, o, csr)
	must(t, err)
	chains, err := c.GetCertificateChain(ctx, a, done.Certificate)
	must(t, err)
	w.issued(parsePEM(t, chains[0].ChainPEM)[0])
	var all int64
	must(t, w.db.Read(ctx).Table("ca_certificates").Count(&all).Error) // the hierarchy's own are in memory
	if all != 1 {
		t.Errorf("%d certificates were issued", all)
	}
	if strings.Count(w.log.String(), "power cut") == 0 {
		t.Error("the failures were not logged")
	}
}

// onlyOnce ends the context after one answer of 5xx, as the library tries those again.
func onlyOnce(c *http.Client, cancel func()) *http.Client {
	out := *c
	out.Transport = tripper(func(r *http.Request) (*http.Response, error) {
		answer, err := c.Transport.RoundTrip(r)
		if err == nil && answer.StatusCode >= 500 {
			cancel()
		}
		return answer, err
	})
	return &out
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestKeyChange: the account goes on with the new key and not with the old.
func TestKeyChange(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client("http-01")
	a, other := w.member(c), w.member(c)
	old := a
	_, err := c.AccountKeyRollover(ctx, a, other.PrivateKey)
	refused(t, err, http.StatusConflict, "malformed", "another account")
	a, err = c.AccountKeyRollover(ctx, a, catest.Key(t, pki.P256))
	must(t, err)
	if _, err := c.NewOrder(ctx, old, orderFor("a.acme.test")); err == nil {
		t.Error("the old key still works")
	}
	w.obtain(c, a, catest.Key(t, pki.P256), "a.acme.test")
}

// TestDeactivation: an account that its holder gave up is over.
func TestDeactivation(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client()
	a := w.member(c)
	a.Status, a.Contact = "deactivated", nil
	_, err := c.UpdateAccount(ctx, a)
	must(t, err)
	_, err = c.NewOrder(ctx, a, orderFor("a.acme.test"))
	refused(t, err, http.StatusUnauthorized, "unauthorized", "")
}

// TestNextAuthority: when another CA issues, certificates of the one before are still found, shown with their own chain and revoked.
func TestNextAuthority(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client("http-01")
	a := w.member(c)
	o := w.ready(c, a, "a.acme.test")
	o, err := c.FinalizeOrder(ctx, a, o, request(t, catest.Key(t, pki.P256), "a.acme.test"))
	must(t, err)

	next := catest.Hierarchy(t, pki.P384)
	one := func(id string, tree *catest.Tree) ca.CAConfig {
		return ca.CAConfig{ID: id, Certificate: tree.Issuing, Chain: []*pki.Certificate{tree.Root}, Signer: tree.IssuingKey, CRLURL: "http://ca.test/crl/" + id + ".crl"}
	}
	w.config.CA = "next"
	w.config.Authority, err = ca.New(ca.Config{Store: w.db.CA(), CAs: []ca.CAConfig{one("next", next), one("issuing", w.tree)}})
	must(t, err)
	w.server, err = acme.New(w.config)
	must(t, err)

	chains, err := c.GetCertificateChain(ctx, a, o.Certificate)
	must(t, err)
	old := parsePEM(t, chains[0].ChainPEM)
	w.trusted(old, "a.acme.test")
	if _, err := c.GetRenewalInfo(ctx, old[0]); err != nil {
		t.Error(err)
	}
	fresh := w.obtain(c, a, catest.Key(t, pki.P256), "a.acme.test")
	if err := fresh[0].CheckSignatureFrom(asPlain(t, next.Issuing)); err != nil {
		t.Error(err)
	}
	must(t, c.RevokeCertificate(ctx, a, old[0], a.PrivateKey, ca.Superseded))
	if st := w.status(old[0]); st.State != status.Revoked {
		t.Errorf("%+v", st)
	}
}
