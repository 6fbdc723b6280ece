package ca_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/gm"
	"signet/ca/lint"
	"signet/ca/pki"
)

var update = flag.Bool("update", false, "rewrite testdata/golden from what the profiles make now")

func TestShippedProfiles(t *testing.T) {
	kinds := map[string]lint.Kind{"root-ca": lint.Root, "sub-ca": lint.Sub, "org-sign": lint.Signing, "org-enc": lint.Encryption, "ocsp-responder": lint.Responder, "tsa": lint.TimeStamp,
		"intermediate-ca": lint.Sub, "cross-ca": lint.Sub, "link-ca": lint.Link, "person-sign": lint.Signing, "person-enc": lint.Encryption, "seal-maker": lint.Signing,
		"server": lint.Server, "tlcp-sign": lint.ServerSigning, "tlcp-enc": lint.ServerEncryption}
	for _, p := range ca.ShippedProfiles() {
		if kinds[p.ID] != p.Kind || p.Title["en-US"] == "" {
			t.Errorf("profile %s is of kind %s", p.ID, p.Kind)
		}
		delete(kinds, p.ID)
	}
	if len(kinds) != 0 {
		t.Fatalf("missing: %v", kinds)
	}
}

func TestParseProfileIsStrict(t *testing.T) {
	good, err := os.ReadFile("profiles/org-sign.yaml")
	must(t, err)
	if _, err := ca.ParseProfile(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, old, new string }{
		{"unknown key", "id: org-sign", "id: org-sign\nsan: x"},
		{"unknown key within", "type: printable, required", "type: printable, asn1: x, required"},
		{"second document", "id: org-sign", "id: org-sign\n---\nid: x"},
		{"key twice", "kind: sign", "kind: sign\nkind: enc"},
		{"no id", "id: org-sign", "id: ''"},
		{"capital in id", "id: org-sign", "id: Org"},
		{"unknown kind", "kind: sign", "kind: tls"},
		{"CA of the wrong kind", "kind: sign", "kind: sign\nca: true"},
		{"path length without CA", "kind: sign", "kind: sign\npathLength: 0"},
		{"no zh-CN title", "zh-CN", "zh-TW"},
		{"unknown key algorithm", "SM2, ", "SM2, DSA, "},
		{"default longer than longest", "default: 365d", "default: 4000d"},
		{"negative span", "default: 365d", "default: -1d"},
		{"span in words", "default: 365d", "default: a year"},
		{"unknown attribute", "attr: ST", "attr: STATE"},
		{"attribute twice", "attr: ST", "attr: L"},
		{"bad default", "default: CN", "default: China"},
		{"unknown usage", "[digitalSignature", "[digitalSignatur"},
		{"no usage", "[digitalSignature, contentCommitment]", "[]"},
		{"unknown extended usage", "clientAuth", "clientauth"},
		{"bad identity OID", "1.2.156.10260.4.4", "1.2.156..4"},
		{"reserved identity OID", "1.2.156.10260.4.4", "2.5.29.17"},
		{"identity twice", "1.2.156.10260.4.4", "1.2.156.10260.4.1.3"},
		{"identity of no field", "[uscc], type", "[], type"},
		{"hosts of somebody who is no server", "kind: sign", "kind: sign\nhosts: {most: 3}"},
		{"name constraints without CA", "kind: sign", "kind: sign\nnameConstraints: {permitted: {dns: [example.cn]}}"},
		{"default that is none of the values", "attr: C, default: CN", "attr: C, default: CN, values: [JP]"},
		{"value that is none of its attribute", "attr: C, default: CN", "attr: C, default: CN, values: [CN, China]"},
		{"identity of odd type", "type: printable, flag: uscc2023", "type: octets, flag: uscc2023"},
	} {
		text := bytes.Replace(good, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(text, good) {
			t.Fatalf("%s: the profile has no %q", c.what, c.old)
		}
		if p, err := ca.ParseProfile(text); err == nil {
			t.Errorf("%s: accepted as %s", c.what, p.ID)
		}
	}
}

func TestFlagsSwitchExtensions(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	has := func(id string, flags ...string) []bool {
		req := tree.Request(t, id, "org-sign", catest.Key(t, pki.SM2))
		req.Flags, req.Fields = flags, map[string]string{"uscc": catest.USCC}
		c, err := tree.Authority.Issue(ctx, req)
		must(t, err)
		cert := parse(t, c)
		var out []bool
		for _, oid := range []string{pki.OIDOrgCode, pki.OIDRegNumber, pki.OIDUSCC} {
			out = append(out, cert.Extension(oid) != nil)
		}
		return out
	}
	for _, c := range []struct {
		flags []string
		want  string
	}{{nil, "[true false false]"}, {[]string{"regNumber"}, "[true true false]"}, {[]string{"uscc2023", "regNumber"}, "[true true true]"}, {[]string{"other"}, "[true false false]"}} {
		if got := fmt.Sprint(has("f"+strings.Join(c.flags, "-"), c.flags...)); got != c.want {
			t.Errorf("flags %v: extensions 4.1.4, 4.1.3, 4.4 are %s, want %s", c.flags, got, c.want)
		}
	}
}

func TestNullParameters(t *testing.T) {
	text, err := os.ReadFile("profiles/org-sign.yaml")
	must(t, err)
	p, err := ca.ParseProfile(append(text, "nullParams: true\n"...))
	must(t, err)
	tree := catest.Hierarchy(t, pki.SM2)
	c := issuingConfig(tree, tree.Store)
	c.CAs[0].Profiles = []*ca.Profile{p}
	a, err := ca.New(c)
	must(t, err)
	cert, err := a.Issue(ctx, tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2)))
	must(t, err)
	if got := parse(t, cert); got.SigAlg != pki.SM2WithNull {
		t.Fatal("parameters are not NULL")
	} else {
		must(t, got.CheckSignatureFrom(tree.Issuing))
	}
}

func TestSubjectIsOrdered(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	c, err := tree.Authority.Issue(ctx, tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2)))
	must(t, err)
	if got := parse(t, c).Subject.String(); got != "CN=示例建设有限公司, O=示例建设有限公司, L=示例市, ST=示例省, C=CN" {
		t.Fatal(got)
	}
}

func TestDefaultEndIsCutToTheIssuer(t *testing.T) {
	c := &clock{time.Now().UTC().Truncate(time.Second)}
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Now: c.now})
	c.at = tree.Issuing.NotAfter.AddDate(0, -3, 0)
	got, err := tree.Authority.Issue(ctx, tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2)))
	must(t, err)
	if !got.NotAfter.Equal(tree.Issuing.NotAfter) {
		t.Fatalf("ends %s, issuer %s", got.NotAfter, tree.Issuing.NotAfter)
	}
	c.at = tree.Issuing.NotAfter.Add(time.Second)
	_, err = tree.Authority.Issue(ctx, tree.Request(t, "late", "org-sign", catest.Key(t, pki.SM2)))
	refusedAs(t, err, ca.RefusedValidity)
}

// counting is a random source that is none: reads of a serial's length count, so that golden bytes stay the same; all others, which signing
// asks for, are random.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	if len(p) != 16 {
		return rand.Read(p)
	}
	c.n++
	for i := range p {
		p[i] = c.n
	}
	return len(p), nil
}

// TestGolden compares the to-be-signed bytes of each profile with testdata/golden, and what is asked with what openssl shows there.
func TestGolden(t *testing.T) {
	for _, alg := range []string{"SM2", "P-256"} {
		for name, tbs := range goldenTBS(t, pki.KeyAlg(alg)) {
			path := filepath.Join("testdata", "golden", strings.ToLower(alg)+"-"+name+".tbs.hex")
			got := wrapHex(tbs)
			if *update {
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				must(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			must(t, err)
			if got != string(want) {
				t.Errorf("%s %s: the bytes have changed; if that is meant, run go test ./ca -run TestGolden -update and say why in the commit", alg, name)
			}
		}
	}
}

func wrapHex(b []byte) string {
	var out strings.Builder
	for s := hex.EncodeToString(b); s != ""; {
		n := min(len(s), 96)
		out.WriteString(s[:n] + "\n")
		s = s[n:]
	}
	return out.String()
}

// fixedKey is the key with the scalar 1, 2, 3…: its public point is a small multiple of the generator, the same for ever.
func fixedKey(t *testing.T, alg pki.KeyAlg, n byte) crypto.Signer {
	t.Helper()
	d := make([]byte, 32)
	d[31] = n
	if alg == pki.SM2 {
		key, err := gm.NewPrivateKey(d)
		must(t, err)
		return key
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	must(t, err)
	return key
}

func goldenTBS(t *testing.T, alg pki.KeyAlg) map[string][]byte {
	t.Helper()
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	store := catest.NewStore(func() time.Time { return at })
	cfg := ca.Config{Store: store, Now: func() time.Time { return at }, Rand: &counting{}}
	root, err := ca.CreateRoot(ctx, cfg, ca.KeyRequest{ID: "root", CA: "root", Subject: catest.Name(t, "示例根"), Key: fixedKey(t, alg, 2), By: "golden"})
	must(t, err)
	rc := cfg
	rc.CAs = []ca.CAConfig{{ID: "root", Certificate: root, Signer: fixedKey(t, alg, 2), CRLURL: "http://ca.example/crl/root.crl", IssuerURL: "http://ca.example/ca/root.cer"}}
	ra, err := ca.New(rc)
	must(t, err)
	sub, err := ca.CreateSub(ctx, ra, ca.KeyRequest{ID: "sub", CA: "root", Subject: catest.Name(t, "示例签发"), Key: fixedKey(t, alg, 3), By: "golden"})
	must(t, err)
	ic := cfg
	ic.CAs = []ca.CAConfig{{ID: "issuing", Certificate: sub, Chain: []*pki.Certificate{root}, Signer: fixedKey(t, alg, 3),
		CRLURL: "http://ca.example/crl/issuing.crl", OCSPURL: "http://ca.example/ocsp", IssuerURL: "http://ca.example/ca/issuing.cer", Flags: []string{"regNumber", "uscc2023"}}}
	a, err := ca.New(ic)
	must(t, err)
	responder, err := ca.CreateResponder(ctx, a, ca.KeyRequest{ID: "ocsp", CA: "issuing", Subject: catest.Name(t, "示例 OCSP"), Key: fixedKey(t, alg, 4), By: "golden"})
	must(t, err)
	tree := &catest.Tree{Alg: alg}
	pair, err := a.IssuePair(ctx, ca.PairRequest{ID: "p", Sign: tree.Request(t, "", "org-sign", fixedKey(t, alg, 5)), Enc: tree.Request(t, "", "org-enc", fixedKey(t, alg, 6))})
	must(t, err)
	stamper, err := ca.CreateTSA(ctx, a, ca.KeyRequest{ID: "tsa", CA: "issuing", Subject: catest.Name(t, "示例时间戳"), Key: fixedKey(t, alg, 7), By: "golden"})
	must(t, err)
	out := map[string][]byte{
		"root-ca": root.RawTBS, "sub-ca": sub.RawTBS, "ocsp-responder": responder.RawTBS, "tsa": stamper.RawTBS,
		"org-sign": parse(t, pair.Sign).RawTBS, "org-enc": parse(t, pair.Enc).RawTBS,
	}
	cfg.Rand = &counting{n: 0x20} // so that a later profile does not move the serials of these
	goldenMore(t, alg, cfg, rc.CAs, ic.CAs, out)
	return out
}

// goldenMore adds the profiles of persons, seals, servers and CAs, and a CA with all that a profile of a CA can say.
func goldenMore(t *testing.T, alg pki.KeyAlg, cfg ca.Config, roots, issuing []ca.CAConfig, out map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile("testdata/constrained-ca.yaml")
	must(t, err)
	constrained, err := ca.ParseProfile(text)
	must(t, err)
	cfg.CAs = []ca.CAConfig{roots[0]}
	cfg.CAs[0].Profiles = append(ca.ShippedProfiles(), constrained)
	cfg.CAs[0].Profiles = slices.DeleteFunc(cfg.CAs[0].Profiles, func(p *ca.Profile) bool { return p.Kind == lint.Root })
	above, err := ca.New(cfg)
	must(t, err)
	cfg.CAs = issuing
	below, err := ca.New(cfg)
	must(t, err)
	issue := func(a *ca.Authority, caID, profile string, key byte, subject pki.Name, more func(*ca.Request)) {
		spki := catest.SPKI(t, fixedKey(t, alg, key))
		req := ca.Request{ID: ca.RequestID(profile), CA: caID, Profile: profile, Subject: subject, SPKI: spki, By: "golden"}
		if more != nil {
			more(&req)
		}
		c, err := a.Issue(ctx, req)
		must(t, err)
		out[profile] = parse(t, c).RawTBS
	}
	issue(above, "root", "intermediate-ca", 20, catest.Name(t, "示例中间"), nil)
	issue(above, "root", "cross-ca", 21, catest.Name(t, "别家根"), nil)
	issue(above, "root", "link-ca", 22, catest.Name(t, "示例根"), nil)
	issue(above, "root", "constrained-ca", 23, catest.Name(t, "示例受限"), nil)
	identity := map[string]string{"uscc": catest.USCC, "personId": "000000200001010005"}
	person := titled(t, "张三", "经办人")
	issue(below, "issuing", "person-sign", 24, person, func(r *ca.Request) { r.Fields, r.Flags = identity, []string{"personId", "personId2023"} })
	issue(below, "issuing", "person-enc", 25, titled(t, "李四", "法定代表人"), func(r *ca.Request) { r.Fields = identity })
	hosts := func(r *ca.Request) { r.Hosts = []string{"www.example.cn", "*.app.example.cn", "192.0.2.7"} }
	if alg == pki.SM2 {
		issue(below, "issuing", "seal-maker", 26, catest.Name(t, "示例制章"), func(r *ca.Request) { r.Fields = identity })
		issue(below, "issuing", "tlcp-sign", 27, catest.Name(t, "www.example.cn"), hosts)
		issue(below, "issuing", "tlcp-enc", 28, catest.Name(t, "www.example.cn"), hosts)
		return
	}
	issue(below, "issuing", "server", 29, catest.Name(t, "www.example.cn"), hosts)
}

func titled(t *testing.T, cn, title string) pki.Name {
	t.Helper()
	n, err := pki.NewName(pki.Attr{Type: pki.OIDOrganization, Value: "示例建设有限公司"}, pki.Attr{Type: pki.OIDTitle, Value: title}, pki.Attr{Type: pki.OIDCommonName, Value: cn})
	must(t, err)
	return n
}

func TestOpenProfiles(t *testing.T) {
	mine, err := os.ReadFile("profiles/org-sign.yaml")
	must(t, err)
	files := map[string][]byte{
		"mine.yaml": bytes.Replace(mine, []byte("id: org-sign"), []byte("id: mine"), 1), "same.yaml": mine, "bad.yaml": []byte("id: x"),
	}
	read := func(file string) ([]byte, error) {
		text, ok := files[file]
		if !ok {
			return nil, os.ErrNotExist
		}
		return text, nil
	}
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""}, {[]string{"org-sign"}, "org-sign ocsp-responder tsa"}, {[]string{"tsa", "mine.yaml"}, "tsa mine ocsp-responder"},
		{[]string{"org-sign", "same.yaml"}, "error"}, {[]string{"bad.yaml"}, "error"}, {[]string{"nowhere"}, "error"},
	} {
		profiles, err := ca.OpenProfiles(c.names, read)
		var ids []string
		for _, p := range profiles {
			ids = append(ids, p.ID)
		}
		got := strings.Join(ids, " ")
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%v: %q (%v), want %q", c.names, got, err, c.want)
		}
	}
}
