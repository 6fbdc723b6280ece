package ca_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

// TestSampleOfEveryProfile makes what each shipped profile would make, with every flag, for one key of each family.
func TestSampleOfEveryProfile(t *testing.T) {
	for _, p := range ca.ShippedProfiles() {
		for _, alg := range p.Keys() {
			if alg == pki.RSA3072 || alg == pki.RSA4096 {
				continue // slow to make, and no different
			}
			c, err := p.Sample(alg, time.Now(), p.Flags()...)
			if err != nil {
				t.Errorf("%s %s: %v", p.ID, alg, err)
				continue
			}
			if got, err := pki.AlgOf(c.PublicKey); err != nil || got != alg || c.IsCA != p.Kind.IsCA() {
				t.Errorf("%s %s: the sample is for %s, CA %v", p.ID, alg, got, c.IsCA)
			}
			if id := pki.ReadIdentity(c); p.Flags() != nil && id.USCC != catest.USCC {
				t.Errorf("%s: identity %v", p.ID, id.Raw)
			}
		}
	}
}

// TestSampleFindsWhatCanNeverPass has profiles that read well and would be refused at each request.
func TestSampleFindsWhatCanNeverPass(t *testing.T) {
	good, err := os.ReadFile("profiles/server.yaml")
	must(t, err)
	for what, change := range map[string][2]string{
		"five years":   {"longest: 398d", "longest: 1830d"},
		"no server":    {"[serverAuth, clientAuth]", "[clientAuth]"},
		"other usage":  {"[digitalSignature], rsa", "[digitalSignature, contentCommitment], rsa"},
		"not critical": {"critical: true", "critical: false"},
	} {
		text := strings.Replace(string(good), change[0], change[1], 1)
		if what == "five years" {
			text = strings.Replace(text, "default: 90d", "default: 1830d", 1)
		}
		p, err := ca.ParseProfile([]byte(text))
		must(t, err)
		_, err = p.Sample(pki.P256, time.Now())
		refusedAs(t, err, ca.RefusedLint)
	}
}

func TestTitlesAreTheProfilesOwn(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	req := tree.Request(t, "r", "person-sign", catest.Key(t, pki.SM2))
	req.Subject = titled(t, "张三", "董事长")
	_, err := tree.Authority.Issue(ctx, req)
	refusedAs(t, err, ca.RefusedSubject)
	req.Subject = titled(t, "张三", "法定代表人")
	req.Flags, req.Fields["personId"] = []string{"personId"}, "000000200001010006"
	_, err = tree.Authority.Issue(ctx, req)
	refusedAs(t, err, ca.RefusedLint)
	req.Fields["personId"] = "000000200001010005"
	_, err = tree.Authority.Issue(ctx, req)
	must(t, err)
}

func TestHostsOfServers(t *testing.T) {
	tree := catest.Hierarchy(t, pki.P256)
	request := func(id, profile string, hosts ...string) ca.Request {
		return ca.Request{ID: ca.RequestID(id), CA: "issuing", Profile: profile, Subject: catest.Name(t, "示例网站"), SPKI: catest.SPKI(t, catest.Key(t, pki.P256)), Hosts: hosts}
	}
	c, err := tree.Authority.Issue(ctx, request("a", "server", "WWW.example.cn", "192.0.2.7", "www.example.cn", "2001:db8::1", "*.example.cn"))
	must(t, err)
	if got := parse(t, c); strings.Join(got.DNSNames, " ") != "www.example.cn *.example.cn" || len(got.IPs) != 2 {
		t.Fatalf("names %v %v", got.DNSNames, got.IPs)
	}
	for what, hosts := range map[string][]string{"none": nil, "no host": {"a b"}, "wildcard in the middle": {"www.*.cn"}, "wildcard of everything": {"*.cn."}, "control": {"a\x00.cn"}, "too many": make([]string, 51)} {
		if _, err := tree.Authority.Issue(ctx, request("bad", "server", hosts...)); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	req := tree.Request(t, "holder", "org-sign", catest.Key(t, pki.P256))
	req.Hosts = []string{"www.example.cn"}
	_, err = tree.Authority.Issue(ctx, req)
	refusedAs(t, err, ca.RefusedField)
}

// TestPairOfATLCPServer issues both halves as one unit and has OpenSSL look at the signing half.
func TestPairOfATLCPServer(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	half := func(profile string) ca.Request {
		return ca.Request{CA: "issuing", Profile: profile, Subject: catest.Name(t, "www.example.cn"), SPKI: catest.SPKI(t, catest.Key(t, pki.SM2)), Hosts: []string{"www.example.cn"}}
	}
	pair, err := tree.Authority.IssuePair(ctx, ca.PairRequest{ID: "tlcp", Sign: half("tlcp-sign"), Enc: half("tlcp-enc")})
	must(t, err)
	dir := t.TempDir()
	writePEM(t, dir, "chain.pem", tree.Issuing)
	writePEM(t, dir, "sign.pem", parse(t, pair.Sign))
	verifies(t, dir, "sign.pem", append(sm2ID, "-partial_chain", "-CAfile", "chain.pem", "-purpose", "sslserver", "-verify_hostname", "www.example.cn")...)
	writePEM(t, dir, "enc.pem", parse(t, pair.Enc))
	verifies(t, dir, "enc.pem", append(sm2ID, "-partial_chain", "-CAfile", "chain.pem", "-verify_hostname", "www.example.cn")...)
}

func TestServerIsVerifiedByOpenSSL(t *testing.T) {
	tree := catest.Hierarchy(t, pki.P256)
	c, err := tree.Authority.Issue(ctx, ca.Request{ID: "s", CA: "issuing", Profile: "server", Subject: catest.Name(t, "示例网站"), SPKI: catest.SPKI(t, catest.Key(t, pki.RSA2048)), Hosts: []string{"*.example.cn", "192.0.2.7"}})
	must(t, err)
	dir := t.TempDir()
	writePEM(t, dir, "root.pem", tree.Root)
	writePEM(t, dir, "chain.pem", tree.Issuing)
	writePEM(t, dir, "server.pem", parse(t, c))
	for _, name := range [][]string{{"-verify_hostname", "www.example.cn"}, {"-verify_ip", "192.0.2.7"}} {
		verifies(t, dir, "server.pem", append(name, "-CAfile", "root.pem", "-untrusted", "chain.pem", "-purpose", "sslserver")...)
	}
	if out, err := openssl(t, dir, "verify", "-CAfile", "root.pem", "-untrusted", "chain.pem", "-verify_hostname", "example.com", "server.pem"); err == nil {
		t.Errorf("openssl takes another host:\n%s", out)
	}
}

// TestNameConstraintsBind has a CA for one organisation and one domain: it issues within them, refuses outside, and OpenSSL sees the same.
func TestNameConstraintsBind(t *testing.T) {
	tree := catest.Hierarchy(t, pki.P256)
	text, err := os.ReadFile(filepath.Join("testdata", "constrained-ca.yaml"))
	must(t, err)
	p, err := ca.ParseProfile(text)
	must(t, err)
	rc := ca.Config{Store: tree.Store, CAs: []ca.CAConfig{{ID: "root", Certificate: tree.Root, Signer: tree.RootKey, Profiles: []*ca.Profile{p}, CRLURL: "http://ca.test/crl/root.crl"}}}
	above, err := ca.New(rc)
	must(t, err)
	key := catest.Key(t, pki.P256)
	sub, err := ca.CreateSub(ctx, above, ca.KeyRequest{ID: "bound", CA: "root", Subject: catest.Name(t, "受限"), Key: key, Profile: p, By: "test"})
	must(t, err)
	if !sub.HasNameConstraints() || sub.PathLen != 0 || len(sub.Policies) != 2 {
		t.Fatalf("made %v", sub.Extensions)
	}
	bound, err := ca.New(ca.Config{Store: tree.Store, CAs: []ca.CAConfig{{
		ID: "bound", Certificate: sub, Chain: []*pki.Certificate{tree.Root}, Signer: key, CRLURL: "http://ca.test/crl/bound.crl", LongestFor: 30 * 24 * time.Hour,
	}}})
	must(t, err)
	ask := func(id string, subject pki.Name, hosts ...string) (*ca.Certificate, error) {
		return bound.Issue(ctx, ca.Request{ID: ca.RequestID(id), CA: "bound", Profile: "server", Subject: subject, SPKI: catest.SPKI(t, catest.Key(t, pki.P256)), Hosts: hosts})
	}
	within, err := ask("in", catest.Name(t, "网站"), "www.example.cn", "192.0.2.9")
	must(t, err)
	if life := within.NotAfter.Sub(within.NotBefore); life != 30*24*time.Hour {
		t.Errorf("lives %s, the CA's ceiling is 30 days", life)
	}
	elsewhere, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: "别家"}, pki.Attr{Type: pki.OIDCommonName, Value: "x"})
	must(t, err)
	for what, err := range map[string]error{
		"other domain":       second(ask("o1", catest.Name(t, "网站"), "www.example.com")),
		"excluded host":      second(ask("o2", catest.Name(t, "网站"), "a.secret.example.cn")),
		"other address":      second(ask("o3", catest.Name(t, "网站"), "198.51.100.1")),
		"other organisation": second(ask("o4", elsewhere, "www.example.cn")),
	} {
		var r *ca.RefusedError
		if !errors.As(err, &r) || r.Code != ca.RefusedLint || !strings.Contains(r.Detail, "name_constraints") {
			t.Errorf("%s: %v", what, err)
		}
	}
	dir := t.TempDir()
	writePEM(t, dir, "root.pem", tree.Root)
	writePEM(t, dir, "sub.pem", sub)
	writePEM(t, dir, "in.pem", parse(t, within))
	verifies(t, dir, "in.pem", "-CAfile", "root.pem", "-untrusted", "sub.pem")
}

func second(_ *ca.Certificate, err error) error { return err }
