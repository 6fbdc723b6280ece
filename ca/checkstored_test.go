package ca_test

import (
	"strings"
	"testing"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

func TestCheckStored(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	foreign := catest.Hierarchy(t, pki.SM2)
	c, err := tree.Authority.Issue(ctx, tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2)))
	must(t, err)
	if found := tree.Authority.CheckStored(c); found != nil {
		t.Fatalf("found %v", found)
	}
	root, err := tree.Store.Issued(ctx, "root")
	must(t, err)
	if found := tree.RootAuthority.CheckStored(root); found != nil {
		t.Fatalf("root: found %v", found)
	}
	theirs, err := foreign.Authority.Issue(ctx, foreign.Request(t, "r", "org-sign", catest.Key(t, pki.SM2)))
	must(t, err)
	for what, one := range map[string]struct {
		change func(c *ca.Certificate)
		want   string
	}{
		"garbage":          {func(c *ca.Certificate) { c.DER = []byte{0x30} }, "not readable"},
		"serial":           {func(c *ca.Certificate) { c.SerialHex = "01" }, "filed under serial number"},
		"key":              {func(c *ca.Certificate) { c.SPKIHash[0]++ }, "another key"},
		"validity":         {func(c *ca.Certificate) { c.NotAfter = c.NotAfter.AddDate(1, 0, 0) }, "another validity"},
		"CA":               {func(c *ca.Certificate) { c.CA = "x" }, "not configured"},
		"profile":          {func(c *ca.Certificate) { c.Profile = "x" }, "not known"},
		"wrong profile":    {func(c *ca.Certificate) { c.Profile = "org-enc" }, "key_usage"},
		"foreign":          {func(c *ca.Certificate) { *c = *theirs }, "not signed by its CA"},
		"flipped bit":      {func(c *ca.Certificate) { c.DER = append([]byte(nil), c.DER...); c.DER[len(c.DER)-1] ^= 1 }, "not signed by its CA"},
		"a root elsewhere": {func(c *ca.Certificate) { c.Profile = "root-ca" }, "a root that its CA is not configured with"},
	} {
		changed := *c
		one.change(&changed)
		if found := strings.Join(tree.Authority.CheckStored(&changed), "; "); !strings.Contains(found, one.want) {
			t.Errorf("%s: found %q, want %q", what, found, one.want)
		}
	}
}
