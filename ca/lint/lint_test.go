package lint_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/ca/lint"
	"signet/ca/pki"
)

// bench is an issuer and what goes into drafts under it.
type bench struct {
	t      testing.TB
	alg    pki.SigAlg
	key    crypto.Signer
	issuer *pki.Certificate
	from   time.Time
	spki   []byte
	keyID  []byte
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func name(t testing.TB, attrs ...pki.Attr) pki.Name {
	t.Helper()
	n, err := pki.NewName(attrs...)
	fatal(t, err)
	return n
}

func country(cn string) []pki.Attr {
	return []pki.Attr{{Type: pki.OIDCountry, Value: "CN"}, {Type: pki.OIDOrganization, Value: "示例"}, {Type: pki.OIDCommonName, Value: cn}}
}

func newKey(t testing.TB, alg pki.KeyAlg) (crypto.Signer, []byte) {
	t.Helper()
	key, err := pki.GenerateKey(alg, rand.Reader)
	fatal(t, err)
	spki, err := pki.MarshalPublicKey(key.Public())
	fatal(t, err)
	return key, spki
}

func newBench(t testing.TB, alg pki.KeyAlg, pathLen int) *bench {
	t.Helper()
	key, spki := newKey(t, alg)
	sigAlg, err := pki.SigAlgFor(key.Public())
	fatal(t, err)
	b := &bench{t: t, alg: sigAlg, key: key, from: time.Now().UTC().Truncate(time.Second)}
	_, b.spki = newKey(t, alg)
	pub, err := pki.ParsePublicKey(b.spki)
	fatal(t, err)
	b.keyID = pki.KeyID(pub)
	n := name(t, country("示例签发机构")...)
	b.issuer = b.signed(pki.Template{
		Serial: b.serial(), Issuer: n, Subject: n, NotBefore: b.from.Add(-time.Hour), NotAfter: b.from.AddDate(20, 0, 0), SPKI: spki, SigAlg: sigAlg,
		Extensions: []pki.Extension{pki.ExtBasicConstraints(true, pathLen), pki.ExtKeyUsage(pki.KeyCertSign|pki.CRLSign, true), pki.ExtSKI(pki.KeyID(key.Public()))},
	})
	return b
}

// constrain makes the issuer anew with name constraints.
func (b *bench) constrain(permitted pki.Subtrees) {
	b.t.Helper()
	c := b.issuer
	b.issuer = b.signed(pki.Template{
		Serial: b.serial(), Issuer: c.Subject, Subject: c.Subject, NotBefore: c.NotBefore, NotAfter: c.NotAfter, SPKI: c.SPKI, SigAlg: b.alg,
		Extensions: append(slices.Clone(c.Extensions), b.ext(pki.ExtNameConstraints(permitted, pki.Subtrees{}))),
	})
}

func (b *bench) serial() []byte {
	s, err := pki.NewSerial(rand.Reader)
	fatal(b.t, err)
	return s
}

func (b *bench) signed(tm pki.Template) *pki.Certificate {
	b.t.Helper()
	tbs, err := tm.TBS()
	fatal(b.t, err)
	sig, err := pki.Sign(rand.Reader, b.key, tm.SigAlg, tbs)
	fatal(b.t, err)
	der, err := pki.Assemble(tbs, tm.SigAlg, sig)
	fatal(b.t, err)
	cert, err := pki.ParseCertificate(der)
	fatal(b.t, err)
	return cert
}

func (b *bench) ext(e pki.Extension, err error) pki.Extension {
	b.t.Helper()
	fatal(b.t, err)
	return e
}

var usages = map[lint.Kind]pki.KeyUsage{lint.Root: pki.KeyCertSign | pki.CRLSign, lint.Sub: pki.KeyCertSign | pki.CRLSign,
	lint.Signing: pki.SigningUsage, lint.Encryption: pki.EncryptionUsage, lint.Responder: pki.DigitalSignature, lint.TimeStamp: pki.DigitalSignature,
	lint.Link: pki.KeyCertSign | pki.CRLSign, lint.Server: pki.DigitalSignature, lint.ServerSigning: pki.DigitalSignature, lint.ServerEncryption: pki.EncryptionUsage}

// good is a template which passes.
func (b *bench) good(kind lint.Kind) pki.Template {
	b.t.Helper()
	tm := pki.Template{
		Serial: b.serial(), Issuer: b.issuer.Subject, Subject: name(b.t, country("示例有限公司")...), NotBefore: b.from, NotAfter: b.from.AddDate(1, 0, 0),
		SPKI: b.spki, SigAlg: b.alg,
		Extensions: []pki.Extension{pki.ExtKeyUsage(usages[kind], true), pki.ExtSKI(b.keyID), pki.ExtAKI(b.issuer.SKI)},
	}
	add := func(e pki.Extension, err error) { tm.Extensions = append(tm.Extensions, b.ext(e, err)) }
	switch kind {
	case lint.Root:
		tm.Issuer, tm.SPKI = tm.Subject, b.issuer.SPKI
		tm.Extensions = []pki.Extension{pki.ExtBasicConstraints(true, -1), pki.ExtKeyUsage(usages[kind], true), pki.ExtSKI(b.issuer.SKI)}
	case lint.Link:
		tm.Subject = b.issuer.Subject
		add(pki.ExtBasicConstraints(true, b.issuer.PathLen), nil)
		add(pki.ExtCRLURLs("http://ca.test/crl/root.crl"))
	case lint.Server, lint.ServerSigning, lint.ServerEncryption:
		tm.Subject = name(b.t, country("www.example.cn")...)
		if kind != lint.ServerEncryption {
			add(pki.ExtEKU(pki.EKUServerAuth, pki.EKUClientAuth))
		}
		add(pki.ExtSAN("www.example.cn", "*.app.example.cn", "192.0.2.7"))
		add(pki.ExtCRLURLs("http://ca.test/crl/issuing.crl"))
	case lint.Sub:
		add(pki.ExtBasicConstraints(true, 0), nil)
		add(pki.ExtCRLURLs("http://ca.test/crl/root.crl"))
	case lint.Signing, lint.Encryption:
		add(pki.ExtCRLURLs("http://ca.test/crl/issuing.crl"))
		add(pki.ExtAIA([]string{"http://ca.test/ocsp"}, []string{"http://ca.test/ca/issuing.cer"}))
		add(pki.ExtPrintable(pki.OIDOrgCode, "91990000MA0000015Q"))
	case lint.Responder:
		add(pki.ExtEKU(pki.EKUOCSPSigning))
		add(pki.ExtOCSPNoCheck(), nil)
	case lint.TimeStamp:
		add(critical(pki.ExtEKU(pki.EKUTimeStamping)))
		add(pki.ExtCRLURLs("http://ca.test/crl/issuing.crl"))
	}
	return tm
}

func critical(e pki.Extension, err error) (pki.Extension, error) {
	e.Critical = true
	return e, err
}

func (b *bench) draft(kind lint.Kind, tm pki.Template) lint.Draft {
	b.t.Helper()
	tbs, err := tm.TBS()
	fatal(b.t, err)
	d := lint.Draft{TBS: tbs, Kind: kind, Issuer: b.issuer, Identity: []string{pki.OIDOrgCode, pki.OIDUSCC, "1.2.3.4"}}
	if kind == lint.Root {
		d.Issuer = nil
	}
	return d
}

func newLinter(t testing.TB) *lint.Linter {
	t.Helper()
	l, err := lint.New(lint.Config{})
	fatal(t, err)
	return l
}

func TestGoodDraftsPass(t *testing.T) {
	l := newLinter(t)
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048} {
		b := newBench(t, alg, -1)
		for _, kind := range lint.Kinds {
			tm := b.good(kind)
			if kind.Encrypts() && alg == pki.P256 {
				replace(&tm, pki.ExtKeyUsage(pki.KeyAgreement, true))
			}
			if kind.Encrypts() && alg == pki.RSA2048 {
				replace(&tm, pki.ExtKeyUsage(pki.KeyEncipherment|pki.DataEncipherment, true))
			}
			if _, err := l.Check(b.draft(kind, tm)); err != nil {
				t.Errorf("%s %s: %v", alg, kind, err)
			}
		}
	}
	b := newBench(t, pki.SM2, -1)
	tm := b.good(lint.Signing)
	tm.SigAlg = pki.SM2WithNull
	if _, err := l.Check(b.draft(lint.Signing, tm)); err != nil {
		t.Errorf("NULL parameters: %v", err)
	}
}

// replace puts e in the place of the extension with the same OID, or at the end.
func replace(tm *pki.Template, e pki.Extension) {
	i := slices.IndexFunc(tm.Extensions, func(x pki.Extension) bool { return x.OID == e.OID })
	if i < 0 {
		tm.Extensions = append(tm.Extensions, e)
		return
	}
	tm.Extensions[i] = e
}

func drop(tm *pki.Template, oid string) {
	tm.Extensions = slices.DeleteFunc(tm.Extensions, func(x pki.Extension) bool { return x.OID == oid })
}

// rawExt makes an extension that no maker would make.
func rawExt(t *testing.T, oid string, critical bool, value any) pki.Extension {
	t.Helper()
	der, err := asn1.Marshal(value)
	fatal(t, err)
	return pki.Extension{OID: oid, Critical: critical, Value: der}
}

func TestEachRuleRefuses(t *testing.T) {
	l := newLinter(t)
	b, leafOnly, short := newBench(t, pki.SM2, -1), newBench(t, pki.SM2, 0), newBench(t, pki.SM2, 1)
	bound := newBench(t, pki.SM2, -1)
	bound.constrain(pki.Subtrees{DNS: []string{"other.cn"}, Directories: []pki.Name{name(t, pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: "别家"})}})
	nop := func(*pki.Template) {}
	p256 := newBench(t, pki.P256, -1)
	_, p256SPKI := newKey(t, pki.P256)
	_, rsaSPKI := newKey(t, pki.RSA2048)
	ku := func(u pki.KeyUsage) func(*pki.Template) {
		return func(tm *pki.Template) { replace(tm, pki.ExtKeyUsage(u, true)) }
	}
	url := func(u string) func(*pki.Template) {
		return func(tm *pki.Template) { replace(tm, b.ext(pki.ExtCRLURLs(u))) }
	}
	eku := func(oids ...string) func(*pki.Template) {
		return func(tm *pki.Template) { replace(tm, b.ext(pki.ExtEKU(oids...))) }
	}
	long := strings.Repeat("A", 126)
	cases := []struct {
		what   string
		rule   string
		b      *bench
		kind   lint.Kind
		change func(*pki.Template)
	}{
		{"short serial", "serial", b, lint.Signing, func(tm *pki.Template) { tm.Serial = tm.Serial[:8] }},
		{"sequential serial", "serial", b, lint.Signing, func(tm *pki.Template) { tm.Serial = []byte{7} }},
		{"ECDSA under an SM2 issuer", "signature_algorithm", b, lint.Signing, func(tm *pki.Template) { tm.SigAlg = pki.ECDSAWithSHA256 }},
		{"SM2 under an ECDSA issuer", "signature_algorithm", p256, lint.Signing, func(tm *pki.Template) { tm.SigAlg = pki.SM2WithSM3 }},
		{"other issuer name", "issuer", b, lint.Signing, func(tm *pki.Template) { tm.Issuer = name(t, country("别的机构")...) }},
		{"subject is the issuer", "issuer", b, lint.Signing, func(tm *pki.Template) { tm.Subject = b.issuer.Subject }},
		{"root with another issuer", "issuer", b, lint.Root, func(tm *pki.Template) { tm.Issuer = b.issuer.Subject }},
		{"CA under a CA for end entities only", "issuer", leafOnly, lint.Sub, func(*pki.Template) {}},
		{"path length not shorter", "issuer", short, lint.Sub, func(tm *pki.Template) { replace(tm, pki.ExtBasicConstraints(true, 1)) }},
		{"no path length under one", "issuer", short, lint.Sub, func(tm *pki.Template) { replace(tm, pki.ExtBasicConstraints(true, -1)) }},
		{"empty validity", "validity", b, lint.Signing, func(tm *pki.Template) { tm.NotAfter = tm.NotBefore }},
		{"begins before the issuer", "validity", b, lint.Signing, func(tm *pki.Template) { tm.NotBefore = tm.NotBefore.AddDate(0, 0, -1) }},
		{"ends after the issuer", "validity", b, lint.Sub, func(tm *pki.Template) { tm.NotAfter = tm.NotAfter.AddDate(20, 0, 0) }},
		{"link with the signer's key", "issuer", b, lint.Link, func(tm *pki.Template) { b.rekey(tm, b.issuer.SPKI) }},
		{"link with another name", "issuer", b, lint.Link, func(tm *pki.Template) { tm.Subject = name(t, country("别的机构")...) }},
		{"link that allows more below", "issuer", short, lint.Link, func(tm *pki.Template) { replace(tm, pki.ExtBasicConstraints(true, 2)) }},
		{"server for four years", "validity", b, lint.Server, func(tm *pki.Template) { tm.NotAfter = tm.NotAfter.AddDate(3, 0, 0) }},
		{"constraints that may be overlooked", "extensions_allowed", b, lint.Sub, func(tm *pki.Template) {
			e := b.ext(pki.ExtNameConstraints(pki.Subtrees{DNS: []string{"example.cn"}}, pki.Subtrees{}))
			e.Critical = false
			replace(tm, e)
		}},
		{"constraints in a leaf", "extensions_allowed", b, lint.Signing, func(tm *pki.Template) {
			replace(tm, b.ext(pki.ExtNameConstraints(pki.Subtrees{DNS: []string{"example.cn"}}, pki.Subtrees{})))
		}},
		{"server may sign documents", "key_usage", b, lint.Server, ku(pki.SigningUsage)},
		{"TLCP encryption half may sign", "key_usage", b, lint.ServerEncryption, ku(pki.DigitalSignature)},
		{"server that is none", "extended_key_usage", b, lint.Server, eku(pki.EKUClientAuth)},
		{"TLCP encryption half with a purpose", "extended_key_usage", b, lint.ServerEncryption, eku(pki.EKUServerAuth)},
		{"server that signs code", "extended_key_usage", b, lint.Server, eku(pki.EKUServerAuth, pki.EKUCodeSigning)},
		{"host outside the issuer's", "name_constraints", bound, lint.Server, nop},
		{"holder outside the issuer's", "name_constraints", bound, lint.Signing, nop},
		{"CA outside the issuer's", "name_constraints", bound, lint.Sub, nop},
		{"server without a host", "server_names", b, lint.Server, func(tm *pki.Template) { drop(tm, pki.OIDSubjectAltName) }},
		{"common name is another host", "server_names", b, lint.Server, func(tm *pki.Template) { tm.Subject = name(t, country("evil.example.cn")...) }},
		{"host in capitals", "server_names", b, lint.Server, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtSAN("www.example.cn", "WWW.example.cn"))) }},
		{"address among hosts", "server_names", b, lint.Server, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtSAN("192.0.2.7", "www.example.cn"))) }},
		{"leaf for ten years", "validity", b, lint.Signing, func(tm *pki.Template) { tm.NotAfter = tm.NotAfter.AddDate(9, 0, 0) }},
		{"responder for three years", "validity", b, lint.Responder, func(tm *pki.Template) { tm.NotAfter = tm.NotAfter.AddDate(2, 0, 0) }},
		{"no country", "subject", b, lint.Signing, func(tm *pki.Template) { tm.Subject = name(t, country("x")[1:]...) }},
		{"no common name", "subject", b, lint.Signing, func(tm *pki.Template) { tm.Subject = name(t, country("x")[:2]...) }},
		{"printable organisation", "subject", b, lint.Signing, func(tm *pki.Template) { tm.Subject = printableName(t, "Example Ltd") }},
		{"control character", "subject", b, lint.Signing, func(tm *pki.Template) { tm.Subject = printableName(t, "Exa\x07mple") }},
		{"two attributes in one relative name", "subject", b, lint.Signing, func(tm *pki.Template) { tm.Subject = multiValued(t) }},
		{"extension out of a request", "extensions_allowed", b, lint.Signing, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtSAN("evil.example"))) }},
		{"unknown extension", "extensions_allowed", b, lint.Signing, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtPrintable("1.2.3.5", "x"))) }},
		{"nocheck in a leaf", "extensions_allowed", b, lint.Signing, func(tm *pki.Template) { replace(tm, pki.ExtOCSPNoCheck()) }},
		{"identity in a CA", "extensions_allowed", b, lint.Sub, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtPrintable(pki.OIDOrgCode, "91990000MA0000015Q"))) }},
		{"key usage not critical", "extensions_allowed", b, lint.Signing, func(tm *pki.Template) { replace(tm, pki.ExtKeyUsage(pki.SigningUsage, false)) }},
		{"critical identity", "extensions_allowed", b, lint.Signing, func(tm *pki.Template) {
			e := b.ext(pki.ExtPrintable(pki.OIDOrgCode, "91990000MA0000015Q"))
			e.Critical = true
			replace(tm, e)
		}},
		{"basic constraints not critical in a CA", "extensions_allowed", b, lint.Sub, func(tm *pki.Template) {
			e := pki.ExtBasicConstraints(true, 0)
			e.Critical = false
			replace(tm, e)
		}},
		{"no key usage", "key_usage", b, lint.Signing, func(tm *pki.Template) { drop(tm, pki.OIDKeyUsage) }},
		{"signing half may encipher", "key_usage", b, lint.Signing, ku(pki.SigningUsage | pki.KeyEncipherment)},
		{"signing half may sign certificates", "key_usage", b, lint.Signing, ku(pki.SigningUsage | pki.KeyCertSign)},
		{"encryption half may sign", "key_usage", b, lint.Encryption, ku(pki.EncryptionUsage | pki.DigitalSignature)},
		{"encryption half with signing usage", "key_usage", b, lint.Encryption, ku(pki.SigningUsage)},
		{"encryption half without agreement", "key_usage", b, lint.Encryption, ku(pki.KeyEncipherment | pki.DataEncipherment)},
		{"encipherment with ECDSA", "key_usage", b, lint.Encryption, func(tm *pki.Template) { b.rekey(tm, p256SPKI) }},
		{"agreement with RSA", "key_usage", b, lint.Encryption, func(tm *pki.Template) { b.rekey(tm, rsaSPKI) }},
		{"CA may sign documents", "key_usage", b, lint.Sub, ku(pki.KeyCertSign | pki.CRLSign | pki.DigitalSignature)},
		{"responder may sign lists", "key_usage", b, lint.Responder, ku(pki.DigitalSignature | pki.CRLSign)},
		{"responder without its usage", "extended_key_usage", b, lint.Responder, func(tm *pki.Template) { drop(tm, pki.OIDExtKeyUsage) }},
		{"time stamper for twelve years", "validity", b, lint.TimeStamp, func(tm *pki.Template) { tm.NotAfter = tm.NotAfter.AddDate(11, 0, 0) }},
		{"time stamper may sign contents", "key_usage", b, lint.TimeStamp, ku(pki.SigningUsage)},
		{"time stamper without its usage", "extended_key_usage", b, lint.TimeStamp, func(tm *pki.Template) { drop(tm, pki.OIDExtKeyUsage) }},
		{"time stamper whose usage may be overlooked", "extensions_allowed", b, lint.TimeStamp, eku(pki.EKUTimeStamping)},
		{"time stamper with more", "extended_key_usage", b, lint.TimeStamp, eku(pki.EKUTimeStamping, pki.EKUClientAuth)},
		{"time stamper nobody can ask about", "addresses", b, lint.TimeStamp, func(tm *pki.Template) { drop(tm, pki.OIDCRLPoints) }},
		{"responder with more", "extended_key_usage", b, lint.Responder, eku(pki.EKUOCSPSigning, pki.EKUClientAuth)},
		{"leaf answers OCSP", "extended_key_usage", b, lint.Signing, eku(pki.EKUOCSPSigning)},
		{"leaf for everything", "extended_key_usage", b, lint.Signing, eku(pki.EKUAny)},
		{"leaf is a server", "extended_key_usage", b, lint.Signing, eku(pki.EKUServerAuth)},
		{"leaf stamps time", "extended_key_usage", b, lint.Signing, eku(pki.EKUTimeStamping)},
		{"CA in a leaf", "basic_constraints", b, lint.Signing, func(tm *pki.Template) { replace(tm, pki.ExtBasicConstraints(true, -1)) }},
		{"CA without", "basic_constraints", b, lint.Sub, func(tm *pki.Template) { drop(tm, pki.OIDBasicConstraints) }},
		{"CA:FALSE in a CA", "basic_constraints", b, lint.Sub, func(tm *pki.Template) { replace(tm, pki.ExtBasicConstraints(false, -1)) }},
		{"foreign subject key id", "key_identifiers", b, lint.Signing, func(tm *pki.Template) { replace(tm, pki.ExtSKI(b.issuer.SKI)) }},
		{"no subject key id", "key_identifiers", b, lint.Signing, func(tm *pki.Template) { drop(tm, pki.OIDSubjectKeyID) }},
		{"foreign authority key id", "key_identifiers", b, lint.Signing, func(tm *pki.Template) { replace(tm, pki.ExtAKI(b.keyID)) }},
		{"no authority key id", "key_identifiers", b, lint.Signing, func(tm *pki.Template) { drop(tm, pki.OIDAuthorityKeyID) }},
		{"identity too long for two bytes of header", "identity", b, lint.Signing, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtPrintable("1.2.3.4", long))) }},
		{"identity in a SEQUENCE", "identity", b, lint.Signing, func(tm *pki.Template) { replace(tm, rawExt(t, "1.2.3.4", false, []string{"a", "b"})) }},
		{"identity not DER", "identity", b, lint.Signing, func(tm *pki.Template) {
			replace(tm, pki.Extension{OID: "1.2.3.4", Value: []byte("91990000MA0000015Q")})
		}},
		{"identity empty", "identity", b, lint.Signing, func(tm *pki.Template) { replace(tm, pki.Extension{OID: "1.2.3.4", Value: []byte{0x13, 0}}) }},
		{"credit code with a wrong check digit", "identity", b, lint.Signing, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtPrintable(pki.OIDOrgCode, "91990000MA0000015R"))) }},
		{"credit code of 17", "identity", b, lint.Signing, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtPrintable(pki.OIDUSCC, "91990000MA0000015"))) }},
		{"organisation code with a wrong check digit", "identity", b, lint.Signing, func(tm *pki.Template) { replace(tm, b.ext(pki.ExtPrintable(pki.OIDOrgCode, "D2143569-0"))) }},
		{"nowhere to ask", "addresses", b, lint.Signing, func(tm *pki.Template) { drop(tm, pki.OIDCRLPoints); drop(tm, pki.OIDAuthorityInfo) }},
		{"relative address", "addresses", b, lint.Signing, url("/crl/issuing.crl")},
		{"file address", "addresses", b, lint.Signing, url("file:///crl")},
		{"address with a password", "addresses", b, lint.Signing, url("http://u:p@ca.test/crl")},
		{"weak key", "strict", b, lint.Signing, func(tm *pki.Template) { b.rekey(tm, fermatRSA(t)) }},
		{"GeneralizedTime before 2050, only zlint or the strict reader knows", "strict", b, lint.Signing, nil},
	}
	covered := map[string]bool{}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			tm := c.b.good(c.kind)
			if c.change != nil {
				c.change(&tm)
			}
			d := c.b.draft(c.kind, tm)
			if c.change == nil {
				d.TBS = generalizedTime(t, d.TBS)
			}
			pass, err := l.Check(d)
			var found lint.Findings
			if !errors.As(err, &found) || pass != nil {
				t.Fatalf("admitted: %v", err)
			}
			if !slices.ContainsFunc(found, func(f lint.Finding) bool { return f.Rule == c.rule }) {
				t.Fatalf("refused, but not by %s: %v", c.rule, err)
			}
		})
		covered[c.rule] = true
	}
	for _, rule := range lint.RuleNames() {
		if !covered[rule] {
			t.Errorf("rule %s has no draft that it must refuse", rule)
		}
	}
}

func (b *bench) rekey(tm *pki.Template, spki []byte) {
	b.t.Helper()
	pub, err := pki.ParsePublicKey(spki)
	fatal(b.t, err)
	tm.SPKI = spki
	replace(tm, pki.ExtSKI(pki.KeyID(pub)))
}

// printableName writes the organisation as PrintableString, as pki.NewName never does.
func printableName(t *testing.T, o string) pki.Name {
	t.Helper()
	n := name(t, country("x")...)
	was, is := append([]byte{0x0c, 6}, "示例"...), append([]byte{0x13, byte(len(o))}, o...)
	return reparse(t, n, was, is)
}

// reparse replaces one value of a name, mending the lengths by rebuilding the DER around it.
func reparse(t *testing.T, n pki.Name, was, is []byte) pki.Name {
	t.Helper()
	type attr struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	type set []attr
	var rdns []asn1.RawValue
	_, err := asn1.Unmarshal(n.DER(), &rdns)
	fatal(t, err)
	for i := range rdns {
		var a attr
		_, err := asn1.Unmarshal(rdns[i].Bytes, &a)
		fatal(t, err)
		if bytes.Equal(a.Value.FullBytes, was) {
			a.Value = asn1.RawValue{FullBytes: is}
			body, err := asn1.Marshal(a)
			fatal(t, err)
			rdns[i] = asn1.RawValue{Class: 0, Tag: 17, IsCompound: true, Bytes: body}
		}
	}
	der, err := asn1.Marshal(rdns)
	fatal(t, err)
	out, err := pki.ParseName(der)
	fatal(t, err)
	return out
}

func multiValued(t *testing.T) pki.Name {
	t.Helper()
	var rdns []asn1.RawValue
	_, err := asn1.Unmarshal(name(t, country("x")...).DER(), &rdns)
	fatal(t, err)
	joined := asn1.RawValue{Class: 0, Tag: 17, IsCompound: true, Bytes: append(slices.Clone(rdns[2].Bytes), rdns[1].Bytes...)}
	der, err := asn1.Marshal([]asn1.RawValue{rdns[0], joined})
	fatal(t, err)
	n, err := pki.ParseName(der)
	fatal(t, err)
	return n
}

// fermatRSA is a 2048-bit key of two primes so close that Fermat's method finds them.
func fermatRSA(t *testing.T) []byte {
	t.Helper()
	p, err := rand.Prime(rand.Reader, 1024)
	fatal(t, err)
	q := new(big.Int).Add(p, big.NewInt(2))
	for !q.ProbablyPrime(20) {
		q.Add(q, big.NewInt(2))
	}
	type rsaKey struct {
		N *big.Int
		E int
	}
	key, err := asn1.Marshal(rsaKey{new(big.Int).Mul(p, q), 65537})
	fatal(t, err)
	type spki struct {
		Alg struct {
			OID  asn1.ObjectIdentifier
			Null asn1.RawValue
		}
		Key asn1.BitString
	}
	var s spki
	s.Alg.OID, s.Alg.Null = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, asn1.NullRawValue
	s.Key = asn1.BitString{Bytes: key, BitLength: len(key) * 8}
	der, err := asn1.Marshal(s)
	fatal(t, err)
	return der
}

// generalizedTime rewrites notBefore, 13 characters of UTCTime, into 15 of GeneralizedTime.
func generalizedTime(t *testing.T, tbs []byte) []byte {
	t.Helper()
	var parts []asn1.RawValue
	_, err := asn1.Unmarshal(tbs, &parts)
	fatal(t, err)
	var times []asn1.RawValue
	_, err = asn1.Unmarshal(parts[4].FullBytes, &times)
	fatal(t, err)
	times[0] = asn1.RawValue{Tag: 24, Bytes: append([]byte("20"), times[0].Bytes...)}
	validity, err := asn1.Marshal(times)
	fatal(t, err)
	parts[4] = asn1.RawValue{FullBytes: validity}
	out, err := asn1.Marshal(parts)
	fatal(t, err)
	return out
}

func TestUnreadableBytesAreRefused(t *testing.T) {
	l, b := newLinter(t), newBench(t, pki.SM2, -1)
	good := b.draft(lint.Signing, b.good(lint.Signing))
	for n := range len(good.TBS) {
		d := good
		d.TBS = good.TBS[:n]
		if _, err := l.Check(d); err == nil {
			t.Fatalf("admitted after %d of %d bytes", n, len(good.TBS))
		}
	}
	d := good
	d.TBS = append(slices.Clone(good.TBS), 0)
	if _, err := l.Check(d); err == nil {
		t.Fatal("admitted with a byte after the end")
	}
	var parts []asn1.RawValue
	_, err := asn1.Unmarshal(good.TBS, &parts)
	fatal(t, err)
	uid := asn1.RawValue{Class: 2, Tag: 1, Bytes: []byte{0, 1}}
	d.TBS, err = asn1.Marshal(slices.Insert(parts, 7, uid))
	fatal(t, err)
	if _, err := l.Check(d); err == nil {
		t.Fatal("admitted with an issuerUniqueID")
	}
	d = good
	d.Issuer = nil
	if _, err := l.Check(d); err == nil {
		t.Fatal("a leaf without an issuer was admitted")
	}
	d = good
	d.Kind = "else"
	if _, err := l.Check(d); err == nil {
		t.Fatal("an unknown kind was admitted")
	}
}

func TestZlintIsAsked(t *testing.T) {
	l, b := newLinter(t), newBench(t, pki.SM2, -1)
	tm := b.good(lint.Signing)
	// A policy twice: RFC 5280 §4.2.1.4 forbids it, no rule of ours looks.
	replace(&tm, b.ext(pki.ExtPolicies("1.2.156.1", "1.2.156.1")))
	_, err := l.Check(b.draft(lint.Signing, tm))
	if err == nil || !strings.Contains(err.Error(), "e_ext_cert_policy_duplicate") {
		t.Fatalf("got %v, want zlint's finding about a duplicate policy", err)
	}
}

func TestPassIsForTheseBytesOnce(t *testing.T) {
	l, b := newLinter(t), newBench(t, pki.SM2, -1)
	d := b.draft(lint.Signing, b.good(lint.Signing))
	pass, err := l.Check(d)
	fatal(t, err)
	other := slices.Clone(d.TBS)
	other[len(other)-1] ^= 1
	if err := pass.Use(other); !errors.Is(err, lint.ErrPass) {
		t.Fatalf("other bytes: %v", err)
	}
	fatal(t, pass.Use(d.TBS))
	if err := pass.Use(d.TBS); !errors.Is(err, lint.ErrPass) {
		t.Fatalf("second use: %v", err)
	}
	if err := new(lint.Pass).Use(d.TBS); !errors.Is(err, lint.ErrPass) {
		t.Fatalf("a pass nobody gave: %v", err)
	}
	var none *lint.Pass
	if err := none.Use(d.TBS); !errors.Is(err, lint.ErrPass) {
		t.Fatalf("no pass: %v", err)
	}
}

func TestSecondOpinion(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048} {
		t.Run(string(alg), func(t *testing.T) {
			b := newBench(t, alg, -1)
			cert := b.signed(b.good(lint.Signing))
			fatal(t, lint.SecondOpinion(cert, b.issuer))
			fatal(t, lint.SecondOpinion(b.issuer, b.issuer))
			other := newBench(t, alg, -1)
			if err := lint.SecondOpinion(cert, other.issuer); !errors.Is(err, lint.ErrDisagree) {
				t.Fatalf("another issuer's key: %v", err)
			}
			der := slices.Clone(cert.Raw)
			i := bytes.Index(der, cert.Subject.DER()) + len(cert.Subject.DER()) - 1
			der[i] ^= 1
			bent, err := pki.ParseCertificate(der)
			fatal(t, err)
			if err := lint.SecondOpinion(bent, b.issuer); !errors.Is(err, lint.ErrDisagree) {
				t.Fatalf("changed subject: %v", err)
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	l, x := newLinter(b), newBench(b, pki.SM2, -1)
	d := x.draft(lint.Signing, x.good(lint.Signing))
	for b.Loop() {
		if _, err := l.Check(d); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTwinSignature: no lint sees whether a twin's signature is its own.
func TestTwinSignature(t *testing.T) {
	l := newLinter(t)
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b := newBench(t, alg, -1)
		for _, kind := range lint.Kinds {
			reused, signed := l.TwinResults(t, b.draft(kind, b.good(kind)))
			if len(reused) == 0 || !maps.Equal(reused, signed) {
				t.Errorf("%s %s: %v, with a signature of its own %v", alg, kind, reused, signed)
			}
		}
	}
}
