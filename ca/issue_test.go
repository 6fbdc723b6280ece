package ca_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func parse(t testing.TB, c *ca.Certificate) *pki.Certificate {
	t.Helper()
	cert, err := pki.ParseCertificate(c.DER)
	must(t, err)
	return cert
}

func refusedAs(t testing.TB, err error, code string) {
	t.Helper()
	var r *ca.RefusedError
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("got %v, want a refusal with code %s", err, code)
	}
}

func TestIssueEveryAlgorithm(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		tree := catest.Hierarchy(t, alg)
		for _, leaf := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048} {
			for _, profile := range []string{"org-sign", "org-enc"} {
				t.Run(fmt.Sprint(alg, " ", leaf, " ", profile), func(t *testing.T) {
					c, err := tree.Authority.Issue(ctx, tree.Request(t, fmt.Sprint(leaf, profile), profile, catest.Key(t, leaf)))
					must(t, err)
					cert := parse(t, c)
					must(t, cert.CheckSignatureFrom(tree.Issuing))
					path, err := pki.BuildPath(cert, pki.PathOptions{Roots: pki.NewPool(tree.Root), Intermediates: pki.NewPool(tree.Issuing), At: time.Now()})
					if err != nil || len(path) != 3 {
						t.Fatalf("path of %d, error %v", len(path), err)
					}
					if got := pki.ReadIdentity(cert); got.USCC != catest.USCC {
						t.Fatalf("identity reads as %+v", got)
					}
				})
			}
		}
	}
}

func TestSameRequestSameCertificate(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	req := tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	first, err := tree.Authority.Issue(ctx, req)
	must(t, err)
	again, err := tree.Authority.Issue(ctx, req)
	must(t, err)
	if !bytes.Equal(first.DER, again.DER) {
		t.Fatal("the same request gave two certificates")
	}
	other := tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	_, err = tree.Authority.Issue(ctx, other)
	refusedAs(t, err, ca.RefusedRequest)
	other = req
	other.Profile = "org-enc"
	_, err = tree.Authority.Issue(ctx, other)
	refusedAs(t, err, ca.RefusedRequest)
}

func TestRefusals(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	key := catest.Key(t, pki.SM2)
	now := time.Now()
	attr := func(r *ca.Request, attrs ...pki.Attr) {
		n, err := pki.NewName(attrs...)
		must(t, err)
		r.Subject = n
	}
	cn, o := pki.Attr{Type: pki.OIDCommonName, Value: "x"}, pki.Attr{Type: pki.OIDOrganization, Value: "x"}
	for _, c := range []struct {
		what, code string
		change     func(r *ca.Request)
	}{
		{"no id", ca.RefusedRequest, func(r *ca.Request) { r.ID = "" }},
		{"id with a space", ca.RefusedRequest, func(r *ca.Request) { r.ID = "a b" }},
		{"id with a newline", ca.RefusedRequest, func(r *ca.Request) { r.ID = "a\n" }},
		{"no organisation", ca.RefusedSubject, func(r *ca.Request) { attr(r, cn) }},
		{"no common name", ca.RefusedSubject, func(r *ca.Request) { attr(r, o) }},
		{"no subject", ca.RefusedSubject, func(r *ca.Request) { r.Subject = pki.Name{} }},
		{"two common names", ca.RefusedSubject, func(r *ca.Request) { attr(r, cn, cn, o) }},
		{"attribute outside the profile", ca.RefusedSubject, func(r *ca.Request) { attr(r, cn, o, pki.Attr{Type: pki.OIDEmail, Value: "a@b.c"}) }},
		{"no key", ca.RefusedKey, func(r *ca.Request) { r.SPKI = nil }},
		{"garbage key", ca.RefusedKey, func(r *ca.Request) { r.SPKI = []byte("garbage") }},
		{"key with a byte after it", ca.RefusedKey, func(r *ca.Request) { r.SPKI = append(slices.Clone(r.SPKI), 0) }},
		{"curve outside the profile", ca.RefusedKey, func(r *ca.Request) { r.SPKI = catest.SPKI(t, catest.Key(t, pki.P384)) }},
		{"no identity", ca.RefusedField, func(r *ca.Request) { r.Fields = nil }},
		{"identity that is not printable", ca.RefusedField, func(r *ca.Request) { r.Fields = map[string]string{"uscc": "示例"} }},
		{"identity with a wrong check digit", ca.RefusedLint, func(r *ca.Request) { r.Fields = map[string]string{"uscc": "91990000MA0000015R"} }},
		{"over already", ca.RefusedValidity, func(r *ca.Request) { r.NotBefore, r.NotAfter = now.Add(-2*time.Hour), now.Add(-time.Hour) }},
		{"ends before it begins", ca.RefusedValidity, func(r *ca.Request) { r.NotBefore, r.NotAfter = now.Add(2*time.Hour), now.Add(time.Hour) }},
		{"longer than the profile", ca.RefusedValidity, func(r *ca.Request) { r.NotAfter = now.AddDate(5, 1, 0) }},
		{"longer than the issuer", ca.RefusedValidity, func(r *ca.Request) { r.NotBefore, r.NotAfter = now.AddDate(9, 0, 0), now.AddDate(11, 0, 0) }},
		{"before the issuer", ca.RefusedValidity, func(r *ca.Request) { r.NotBefore, r.NotAfter = now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0) }},
	} {
		t.Run(c.what, func(t *testing.T) {
			req := tree.Request(t, "r", "org-sign", key)
			c.change(&req)
			refusedAs(t, tree.Authority.Check(ctx, req), c.code)
			_, err := tree.Authority.Issue(ctx, req)
			refusedAs(t, err, c.code)
		})
	}
	for _, c := range []struct {
		ca, profile string
		want        error
	}{{"nobody", "org-sign", ca.ErrUnknownCA}, {"root", "org-sign", ca.ErrUnknownCA}, {"issuing", "sub-ca", ca.ErrUnknownProfile}, {"issuing", "root-ca", ca.ErrUnknownProfile}, {"issuing", "", ca.ErrUnknownProfile}} {
		req := tree.Request(t, "r", c.profile, key)
		req.CA = c.ca
		if _, err := tree.Authority.Issue(ctx, req); !errors.Is(err, c.want) {
			t.Errorf("%s at %s: got %v, want %v", c.profile, c.ca, err, c.want)
		}
	}
	if reserved, done, _, _ := tree.Store.Serials(); reserved != 3 || done != 3 {
		t.Fatalf("%d serials reserved, %d recorded: a refused request left a trace", reserved, done)
	}
	must(t, tree.Authority.Check(ctx, tree.Request(t, "r", "org-sign", key), tree.Request(t, "r2", "org-enc", catest.Key(t, pki.SM2))))
	_, err := tree.Authority.Issue(ctx, tree.Request(t, "r", "org-sign", key))
	must(t, err)
}

func TestWeakKeyIsRefused(t *testing.T) {
	tree := catest.Hierarchy(t, pki.P256)
	req := tree.Request(t, "r", "org-sign", catest.Key(t, pki.RSA2048))
	// 2048 bits, all ones but divisible by 3.
	i := bytes.Index(req.SPKI, []byte{2, 0x82, 1, 1, 0})
	for j := range 256 {
		req.SPKI[i+5+j] = 0xff
	}
	_, err := tree.Authority.Issue(ctx, req)
	refusedAs(t, err, ca.RefusedWeakKey)
}

func TestKeyIsCertifiedOnce(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	signKey, encKey := catest.Key(t, pki.SM2), catest.Key(t, pki.SM2)
	issue := func(r ca.Request) (*ca.Certificate, error) { return tree.Authority.Issue(ctx, r) }
	_, err := issue(tree.Request(t, "sign", "org-sign", signKey))
	must(t, err)
	enc, err := issue(tree.Request(t, "enc", "org-enc", encKey))
	must(t, err)

	taken := func(what string, r ca.Request) {
		t.Helper()
		if _, err := issue(r); !errors.Is(err, ca.ErrKeyCertified) {
			t.Fatalf("%s: got %v, want ErrKeyCertified", what, err)
		}
	}
	taken("signing key again", tree.Request(t, "sign2", "org-sign", signKey))
	r := tree.Request(t, "sign3", "org-sign", signKey)
	r.Recertify = true
	taken("signing key again with the flag", r)
	r = tree.Request(t, "enc-of-sign", "org-enc", signKey)
	r.Recertify = true
	taken("signing key as encryption key", r)
	taken("encryption key without the flag", tree.Request(t, "enc2", "org-enc", encKey))
	r = tree.Request(t, "enc3", "org-enc", encKey)
	r.Recertify, r.Fields = true, map[string]string{"uscc": "52990000D2143569XY"}
	taken("encryption key of another holder", r)
	r = tree.Request(t, "enc4", "org-enc", encKey)
	r.Recertify, r.Subject = true, catest.Name(t, "改名后的示例有限公司")
	_, err = issue(r)
	must(t, err)
	must(t, tree.Authority.Revoke(ctx, ca.Revocation{CA: "issuing", SerialHex: enc.SerialHex, Reason: ca.KeyCompromise}))
	r.ID = "enc5"
	taken("encryption key that was compromised", r)
}

func TestConcurrentSameRequest(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	req := tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	certs := make([]*ca.Certificate, 64)
	var wg sync.WaitGroup
	for i := range certs {
		wg.Go(func() {
			c, err := tree.Authority.Issue(ctx, req)
			if err != nil {
				t.Error(err)
				return
			}
			certs[i] = c
		})
	}
	wg.Wait()
	for _, c := range certs {
		if c == nil || !bytes.Equal(c.DER, certs[0].DER) {
			t.Fatal("64 issuers of one request got different answers")
		}
	}
	if reserved, done, dropped, pending := tree.Store.Serials(); reserved != 4 || done != 4 || dropped+pending != 0 {
		t.Fatalf("%d reserved, %d recorded, %d abandoned, %d open", reserved, done, dropped, pending)
	}
}

// TestConcurrentProcesses races several Authorities, as several servers would, over one store.
func TestConcurrentProcesses(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	var servers []*ca.Authority
	for range 4 {
		a, err := ca.New(issuingConfig(tree, tree.Store))
		must(t, err)
		servers = append(servers, a)
	}
	const requests = 8
	var got [requests][4]*ca.Certificate
	var wg sync.WaitGroup
	for i := range requests {
		req := tree.Request(t, fmt.Sprint("r", i), "org-sign", catest.Key(t, pki.SM2))
		for j, a := range servers {
			wg.Go(func() {
				for range 20 {
					c, err := a.Issue(ctx, req)
					if err == nil {
						got[i][j] = c
						return
					}
					if !errors.Is(err, ca.ErrAbandoned) && !errors.Is(err, ca.ErrAlreadyIssued) {
						t.Errorf("request %d: %v", i, err)
						return
					}
				}
				t.Errorf("request %d never succeeded", i)
			})
		}
	}
	wg.Wait()
	for i := range got {
		for _, c := range got[i] {
			if c == nil || !bytes.Equal(c.DER, got[i][0].DER) {
				t.Fatalf("request %d got different certificates", i)
			}
		}
	}
	if _, done, _, pending := tree.Store.Serials(); done != 3+requests || pending != 0 {
		t.Fatalf("%d recorded, %d open", done, pending)
	}
}

// issuingConfig configures the tree's issuing CA over another store.
func issuingConfig(tree *catest.Tree, s ca.Store) ca.Config {
	return ca.Config{Store: s, Now: tree.Now, CAs: []ca.CAConfig{{
		ID: "issuing", Certificate: tree.Issuing, Chain: []*pki.Certificate{tree.Root}, Signer: tree.IssuingKey, CRLURL: "http://ca.test/crl/issuing.crl",
	}}}
}

func TestConcurrentDifferentRequests(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	var wg sync.WaitGroup
	serials := make([]string, 200)
	keys := make([]crypto.Signer, len(serials))
	for i := range keys {
		keys[i] = catest.Key(t, pki.SM2)
	}
	for i := range serials {
		req := tree.Request(t, fmt.Sprint("r", i), "org-sign", keys[i])
		wg.Go(func() {
			c, err := tree.Authority.Issue(ctx, req)
			if err != nil {
				t.Error(err)
				return
			}
			if c.RequestID != req.ID || c.SPKIHash != pki.SPKIHash(req.SPKI) {
				t.Errorf("request %s got the certificate of %s", req.ID, c.RequestID)
			}
			serials[i] = c.SerialHex
		})
	}
	wg.Wait()
	slices.Sort(serials)
	if len(slices.Compact(serials)) != len(keys) {
		t.Fatal("a serial was used twice")
	}
}

func TestStop(t *testing.T) {
	var stopped atomic.Bool
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Stop: stopped.Load})
	before := tree.Request(t, "before", "org-sign", catest.Key(t, pki.SM2))
	c, err := tree.Authority.Issue(ctx, before)
	must(t, err)
	stopped.Store(true)
	if _, err := tree.Authority.Issue(ctx, tree.Request(t, "after", "org-sign", catest.Key(t, pki.SM2))); !errors.Is(err, ca.ErrStopped) {
		t.Fatalf("got %v, want ErrStopped", err)
	}
	again, err := tree.Authority.Issue(ctx, before)
	must(t, err)
	if !bytes.Equal(c.DER, again.DER) {
		t.Fatal("what was issued before is not answered the same")
	}
	must(t, tree.Authority.Revoke(ctx, ca.Revocation{CA: "issuing", SerialHex: c.SerialHex, Reason: ca.Superseded}))
}

// TestStopMidway turns the switch while the first half of a pair is being signed: the second is not.
func TestStopMidway(t *testing.T) {
	var stopped atomic.Bool
	var witness *catest.Witness
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Stop: stopped.Load, Signer: func(s crypto.Signer) crypto.Signer {
		witness = &catest.Witness{Signer: s}
		return witness
	}})
	witness.Before(func() { stopped.Store(true) })
	_, err := tree.Authority.IssuePair(ctx, pairRequest(t, tree, "p"))
	if !errors.Is(err, ca.ErrStopped) {
		t.Fatalf("got %v, want ErrStopped", err)
	}
	if n := len(witness.Digests()); n != 1 {
		t.Fatalf("%d signatures, want the one that was under way", n)
	}
	if _, err := tree.Store.Issued(ctx, "p/sign"); !errors.Is(err, ca.ErrNotIssued) {
		t.Fatal("half a pair was recorded")
	}
}

// TestKeyTouchedOnlyAfterIntent checks with a witness beside the key that every signature has an earlier, durable intent (invariant I1).
func TestKeyTouchedOnlyAfterIntent(t *testing.T) {
	var witness *catest.Witness
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Signer: func(s crypto.Signer) crypto.Signer {
		witness = &catest.Witness{Signer: s}
		return witness
	}})
	witness.Before(func() {
		open, err := tree.Store.OpenIntents(ctx, time.Now().Add(time.Hour), 10)
		if err != nil || len(open) != 1 {
			t.Errorf("key is touched with %d open intents, error %v", len(open), err)
			return
		}
		digest, _, err := pki.Digest(tree.Issuing.PublicKey, pki.SM2WithSM3, open[0].TBS)
		signed := witness.Digests()
		if err != nil || !bytes.Equal(signed[len(signed)-1], digest) {
			t.Error("the key signs something else than what was intended")
		}
	})
	for i := range 5 {
		_, err := tree.Authority.Issue(ctx, tree.Request(t, fmt.Sprint("r", i), "org-sign", catest.Key(t, pki.SM2)))
		must(t, err)
	}
	if n := len(witness.Digests()); n != 5 {
		t.Fatalf("%d signatures for 5 certificates", n)
	}
}

func TestWrongSignatureNeverLeaves(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		var witness *catest.Witness
		tree := catest.HierarchyWith(t, alg, catest.Options{Signer: func(s crypto.Signer) crypto.Signer {
			witness = &catest.Witness{Signer: s}
			return witness
		}})
		req := tree.Request(t, "r", "org-sign", catest.Key(t, alg))
		witness.Bend(true)
		if c, err := tree.Authority.Issue(ctx, req); err == nil {
			t.Fatalf("%s: a wrong signature was released as %s", alg, c.SerialHex)
		}
		if _, err := tree.Store.Issued(ctx, "r"); !errors.Is(err, ca.ErrNotIssued) {
			t.Fatal("a wrong signature was recorded")
		}
		witness.Bend(false)
		c, err := tree.Authority.Issue(ctx, req)
		must(t, err)
		must(t, parse(t, c).CheckSignatureFrom(tree.Issuing))
		if _, _, dropped, pending := tree.Store.Serials(); dropped != 1 || pending != 0 {
			t.Fatalf("%d abandoned, %d open, want the failed attempt's serial given up", dropped, pending)
		}
	}
}

func TestNewRefusesWrongKey(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	for what, change := range map[string]func(*ca.Config){
		"another key":       func(c *ca.Config) { c.CAs[0].Signer = tree.RootKey },
		"no certificate":    func(c *ca.Config) { c.CAs[0].Certificate = nil },
		"not a CA":          func(c *ca.Config) { c.CAs[0].Certificate, c.CAs[0].Signer = tree.Responder, tree.ResponderKey },
		"no address":        func(c *ca.Config) { c.CAs[0].CRLURL = "" },
		"no store":          func(c *ca.Config) { c.Store = nil },
		"no CA":             func(c *ca.Config) { c.CAs = nil },
		"one id twice":      func(c *ca.Config) { c.CAs = append(c.CAs, c.CAs[0]) },
		"id with a capital": func(c *ca.Config) { c.CAs[0].ID = "Issuing" },
	} {
		c := issuingConfig(tree, tree.Store)
		change(&c)
		if _, err := ca.New(c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func TestAccessors(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	a := tree.Authority
	if ids := a.IDs(); len(ids) != 1 || ids[0] != "issuing" || a.Certificate("issuing") != tree.Issuing || len(a.Chain("issuing")) != 1 || a.Certificate("x") != nil || a.Chain("x") != nil {
		t.Fatal("accessors differ from the configuration")
	}
	var ids []string
	for _, p := range a.Profiles("issuing") {
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, []string{"ocsp-responder", "org-enc", "org-sign", "person-enc", "person-sign", "seal-maker", "server", "tlcp-enc", "tlcp-sign", "tsa"}) {
		t.Fatalf("issuing CA uses %v", ids)
	}
	ids = nil
	for _, p := range tree.RootAuthority.Profiles("root") {
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, []string{"cross-ca", "intermediate-ca", "link-ca", "ocsp-responder", "sub-ca"}) {
		t.Fatalf("root uses %v", ids)
	}
}

// TestSerialsFollowTime: sixteen bytes, positive, in the order of their making to a hundredth of a second, and not to be foretold.
func TestSerialsFollowTime(t *testing.T) {
	c := &clock{time.Now().UTC().Truncate(time.Second)}
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Now: c.now})
	var serials []string
	for i := range 40 {
		got, err := tree.Authority.Issue(ctx, tree.Request(t, fmt.Sprint(i), "org-sign", catest.Key(t, pki.SM2)))
		must(t, err)
		if len(got.SerialHex) != 32 || got.SerialHex[0] > '7' || got.SerialHex[:2] == "00" {
			t.Fatalf("serial %s", got.SerialHex)
		}
		serials = append(serials, got.SerialHex)
		c.at = c.at.Add(10 * time.Millisecond)
	}
	if !slices.IsSorted(serials) {
		t.Errorf("not in order: %v", serials)
	}
	rest := map[string]bool{}
	for _, s := range serials {
		rest[s[10:12]] = true
	}
	if len(rest) < 20 { // 40 draws of 256: fewer than 20 different ones do not happen
		t.Errorf("the first random byte had %d values in 40", len(rest))
	}
}
