package ca_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

// TestTry: what is shown is what Issue then makes, but for the serial; no key is asked and nothing kept; what would be refused is.
func TestTry(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	req := tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	shown, err := tree.Authority.Try(ctx, req)
	must(t, err)
	if len(shown.Findings) > 0 || strings.Trim(string(shown.Certificate.Signature), "\x00") != "" || pki.Verify(tree.Issuing.PublicKey, shown.Certificate.SigAlg, shown.Certificate.RawTBS, shown.Certificate.Signature) == nil {
		t.Fatalf("got %+v", shown)
	}
	if _, err := tree.Store.Issued(ctx, "r"); !errors.Is(err, ca.ErrNotIssued) {
		t.Fatalf("something was kept: %v", err)
	}
	made, err := tree.Authority.Issue(ctx, req)
	must(t, err)
	real := parse(t, made)
	tried := shown.Certificate
	same := slices.EqualFunc(real.Extensions, tried.Extensions, func(a, b pki.Extension) bool {
		return a.OID == b.OID && a.Critical == b.Critical && slices.Equal(a.Value, b.Value)
	})
	if !same || !real.Subject.Equal(tried.Subject) || !real.Issuer.Equal(tried.Issuer) || real.NotAfter.Sub(real.NotBefore) != tried.NotAfter.Sub(tried.NotBefore) || real.SerialHex == tried.SerialHex {
		t.Errorf("shown %+v, made %+v", tried, real)
	}
	again := req
	again.ID = "again"
	if _, err := tree.Authority.Try(ctx, again); !errors.Is(err, ca.ErrKeyCertified) {
		t.Errorf("a key that is certified: %v", err)
	}
	bad := tree.Request(t, "bad", "org-sign", catest.Key(t, pki.SM2))
	bad.Fields = map[string]string{"uscc": "91990000MA0000015P"}
	if shown, err := tree.Authority.Try(ctx, bad); err != nil || len(shown.Findings) == 0 || shown.Findings[0].Rule != "identity" {
		t.Errorf("a wrong check digit: %+v, %v", shown.Findings, err)
	}
	bad.Fields = nil
	_, err = tree.Authority.Try(ctx, bad)
	refusedAs(t, err, ca.RefusedField)
	bad.Profile = "nobody"
	if _, err := tree.Authority.Try(ctx, bad); !errors.Is(err, ca.ErrUnknownProfile) {
		t.Errorf("got %v", err)
	}
}

// TestRulesSayWhatProfilesDo holds what people read against what the profile makes.
func TestRulesSayWhatProfilesDo(t *testing.T) {
	for _, p := range ca.ShippedProfiles() {
		r := p.Rules()
		c, err := p.Sample(r.Keys[0], time.Now())
		must(t, err)
		if got := c.KeyUsage.String(); got != strings.Join(r.Usage[0].Bits, ", ") {
			t.Errorf("%s: usage %s, the rules say %v", p.ID, got, r.Usage[0].Bits)
		}
		if len(c.EKU) != len(r.ExtendedUsage) || len(c.Policies) != len(r.Policies) || c.IsCA != r.CA || r.CA && (r.PathLength == nil) != (c.PathLen < 0) {
			t.Errorf("%s: made %v %v %d, the rules say %+v", p.ID, c.EKU, c.Policies, c.PathLen, r)
		}
		if attrs := c.Subject.Attrs(); p.Kind != "link" && len(attrs) != len(r.Subject) {
			t.Errorf("%s: subject %v, the rules say %+v", p.ID, attrs, r.Subject)
		}
	}
	text, err := os.ReadFile(filepath.Join("testdata", "constrained-ca.yaml"))
	must(t, err)
	p, err := ca.ParseProfile(text)
	must(t, err)
	if r := p.Rules(); !slices.Contains(r.Permitted, "DNS:example.cn") || !slices.Contains(r.Excluded, "DNS:secret.example.cn") {
		t.Errorf("name constraints %q %q", r.Permitted, r.Excluded)
	}
}
