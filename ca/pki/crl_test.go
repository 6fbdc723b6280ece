package pki

import (
	"bytes"
	"errors"
	"math/big"
	"testing"
	"time"
)

func TestCRLComesBack(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	entries := []CRLEntry{
		{Serial: []byte{0x80, 1}, At: testNow, Reason: ReasonKeyCompromise, InvalidityDate: testNow.Add(-time.Hour)},
		{Serial: bytes.Repeat([]byte{0x7f}, 20), At: testNow.Add(time.Minute), Reason: ReasonCertificateHold},
		{Serial: []byte{3}, At: time.Date(2051, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	l := must[*CRL](t)(ParseCRL(root.crl(t, 1<<40, entries)))
	if err := l.CheckSignatureFrom(root.cert); err != nil {
		t.Fatal(err)
	}
	if l.Version != 2 || l.Number.Int64() != 1<<40 || !bytes.Equal(l.AKI, root.cert.SKI) || !l.Issuer.Equal(root.cert.Subject) ||
		!l.ThisUpdate.Equal(testNow) || !l.NextUpdate.Equal(testEnd) || len(l.Entries) != 3 {
		t.Fatalf("%+v", l)
	}
	for i, e := range entries {
		got := l.Find(e.Serial)
		if got != &l.Entries[i] || !got.At.Equal(e.At) || got.Reason != e.Reason || !got.InvalidityDate.Equal(e.InvalidityDate) {
			t.Errorf("entry %d: %+v", i, got)
		}
	}
	if l.Find([]byte{4}) != nil || l.Find([]byte{0, 3}) == nil {
		t.Error("finding")
	}
	empty := must[*CRL](t)(ParseCRL(root.crl(t, 0, nil)))
	if len(empty.Entries) != 0 || empty.Number.Sign() != 0 {
		t.Error("an empty CRL")
	}
}

func TestCRLIssuer(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	l := must[*CRL](t)(ParseCRL(root.crl(t, 1, nil)))
	if err := l.CheckSignatureFrom(newRoot(t, SM2, "Other").cert); !errors.Is(err, ErrIssuer) {
		t.Errorf("another name: %v", err)
	}
	twin := issue(t, testKey(t, SM2, "Other"), template(t, testKey(t, SM2, "Other"), root.cert.Subject, testKey(t, SM2, "Other").Public(),
		root.cert.Subject, ExtBasicConstraints(true, -1), ExtKeyUsage(CRLSign, true)))
	if err := l.CheckSignatureFrom(twin); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	for what, exts := range map[string][]Extension{
		"no cRLSign": {ExtBasicConstraints(true, -1), ExtKeyUsage(KeyCertSign, true)},
		"no CA":      {ExtKeyUsage(CRLSign, true)},
	} {
		c := issue(t, root.key, template(t, root.key, root.cert.Subject, root.key.Public(), root.cert.Subject, exts...))
		if err := l.CheckSignatureFrom(c); !errors.Is(err, ErrIssuer) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCRLScopeAndDelta(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	const here = "http://crl.example.cn/3.crl"
	leaf := root.leaf(t, SM2, "张三", must[Extension](t)(ExtCRLURLs("http://crl.example.cn/x.crl", here)))
	ca := root.sub(t, SM2, "Issuing", -1).cert
	stranger := newRoot(t, P256, "Stranger").leaf(t, P256, "李四")
	for _, c := range []struct {
		what       string
		scope      *CRLScope
		delta      bool
		onLeaf, on bool
	}{
		{"all", nil, false, true, true},
		{"shard", &CRLScope{URLs: []string{here}}, false, true, false},
		{"another shard", &CRLScope{URLs: []string{"http://crl.example.cn/4.crl"}}, false, false, false},
		{"users", &CRLScope{OnlyUser: true}, false, true, false},
		{"CAs", &CRLScope{OnlyCA: true}, false, false, true},
		{"delta", nil, true, false, false},
	} {
		var extra []Extension
		if c.scope != nil {
			extra = append(extra, must[Extension](t)(ExtIssuingPoint(*c.scope)))
		}
		if c.delta {
			extra = append(extra, ExtDeltaCRL(big.NewInt(6)))
		}
		l := must[*CRL](t)(ParseCRL(root.crl(t, 7, nil, extra...)))
		if l.Covers(leaf) != c.onLeaf || l.Covers(ca) != c.on || l.Covers(stranger) {
			t.Errorf("%s: leaf %v, CA %v, stranger %v", c.what, l.Covers(leaf), l.Covers(ca), l.Covers(stranger))
		}
		if c.delta != (l.DeltaBase != nil) || c.delta && l.DeltaBase.Int64() != 6 {
			t.Errorf("%s: base %v", c.what, l.DeltaBase)
		}
	}
	if _, err := ExtIssuingPoint(CRLScope{}); err == nil {
		t.Error("a scope that says nothing")
	}
}

func TestHostileCRLs(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	sign := func(parts ...[]byte) []byte { return signed(tlv(tagSequence, parts...), SM2WithSM3, []byte{1, 2}) }
	v2, alg, issuer := derUint([]byte{1}), SM2WithSM3.DER(), root.cert.Subject.DER()
	at := must[[]byte](t)(derTime(testNow))
	entry := func(exts ...[]byte) []byte {
		e := tlv(tagSequence, derUint([]byte{5}), at)
		if exts != nil {
			e = tlv(tagSequence, derUint([]byte{5}), at, tlv(tagSequence, exts...))
		}
		return tlv(tagSequence, e)
	}
	ext := func(oid string, critical bool, v []byte) []byte {
		return must[[]byte](t)(Extension{oid, critical, v}.der())
	}
	exts := func(e ...[]byte) []byte { return tlv(context(0, true), tlv(tagSequence, e...)) }
	reason := func(n byte) []byte { return ext(OIDReason, false, []byte{tagEnumerated, 1, n}) }
	point := func(body ...[]byte) []byte { return ext(OIDIssuingPoint, true, tlv(tagSequence, body...)) }
	if _, err := ParseCRL(sign(v2, alg, issuer, at, at, entry(reason(1)), exts(ext(OIDCRLNumber, false, derUint([]byte{1}))))); err != nil {
		t.Fatal(err)
	}
	good := root.crl(t, 1, nil)
	for what, c := range map[string]struct {
		der  []byte
		want error
	}{
		"bytes after the end":              {append(bytes.Clone(good), 0), ErrMalformed},
		"nothing":                          {nil, ErrMalformed},
		"unknown critical extension":       {sign(v2, alg, issuer, at, exts(ext("1.2.3", true, derNull))), ErrUnsupported},
		"unknown critical entry extension": {sign(v2, alg, issuer, at, entry(ext("1.2.3", true, derNull))), ErrUnsupported},
		"certificate issuer in an entry":   {sign(v2, alg, issuer, at, entry(ext(OIDCertIssuer, true, derNull))), ErrUnsupported},
		"indirect":                         {sign(v2, alg, issuer, at, exts(point([]byte{0x84, 1, 0xff}))), ErrUnsupported},
		"attribute certificates":           {sign(v2, alg, issuer, at, exts(point([]byte{0x85, 1, 0xff}))), ErrUnsupported},
		"some reasons":                     {sign(v2, alg, issuer, at, exts(point([]byte{0x83, 2, 6, 0x40}))), ErrUnsupported},
		"users and CAs":                    {sign(v2, alg, issuer, at, exts(point([]byte{0x81, 1, 0xff, 0x82, 1, 0xff}))), ErrMalformed},
		"flag that is no BOOLEAN":          {sign(v2, alg, issuer, at, exts(point([]byte{0x81, 1, 1}))), ErrMalformed},
		"inner algorithm with NULL":        {sign(v2, SM2WithNull.DER(), issuer, at), ErrMalformed},
		"version 1 with extensions":        {sign(alg, issuer, at, exts(ext("1.2.3", false, derNull))), ErrMalformed},
		"version 1 with entry extensions":  {sign(alg, issuer, at, entry(reason(1))), ErrMalformed},
		"version 3":                        {sign(derUint([]byte{2}), alg, issuer, at), ErrMalformed},
		"reason 7":                         {sign(v2, alg, issuer, at, entry(reason(7))), ErrMalformed},
		"reason 11":                        {sign(v2, alg, issuer, at, entry(reason(11))), ErrMalformed},
		"reason twice":                     {sign(v2, alg, issuer, at, entry(reason(1), reason(1))), ErrMalformed},
		"empty number":                     {sign(v2, alg, issuer, at, exts(ext(OIDCRLNumber, false, []byte{2, 0}))), ErrMalformed},
		"negative number":                  {sign(v2, alg, issuer, at, exts(ext(OIDCRLNumber, false, []byte{2, 1, 0xff}))), ErrMalformed},
		"huge number":                      {sign(v2, alg, issuer, at, exts(ext(OIDCRLNumber, false, tlv(tagInteger, bytes.Repeat([]byte{1}, 40))))), ErrMalformed},
		"no time":                          {sign(v2, alg, issuer), ErrMalformed},
		"entry without date":               {sign(v2, alg, issuer, at, tlv(tagSequence, tlv(tagSequence, derUint([]byte{5})))), ErrMalformed},
	} {
		if _, err := ParseCRL(c.der); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCRLTemplateRefuses(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	good := CRLTemplate{Issuer: root.cert.Subject, ThisUpdate: testNow, NextUpdate: testEnd, Number: big.NewInt(1), SigAlg: SM2WithSM3}
	if _, err := good.TBS(); err != nil {
		t.Fatal(err)
	}
	for what, edit := range map[string]func(*CRLTemplate){
		"no issuer":          func(c *CRLTemplate) { c.Issuer = Name{} },
		"no number":          func(c *CRLTemplate) { c.Number = nil },
		"negative number":    func(c *CRLTemplate) { c.Number = big.NewInt(-1) },
		"no next update":     func(c *CRLTemplate) { c.NextUpdate = time.Time{} },
		"no algorithm":       func(c *CRLTemplate) { c.SigAlg = SigAlg{} },
		"serial 0":           func(c *CRLTemplate) { c.Entries = []CRLEntry{{Serial: []byte{0}, At: testNow}} },
		"no serial":          func(c *CRLTemplate) { c.Entries = []CRLEntry{{At: testNow}} },
		"serial of 21":       func(c *CRLTemplate) { c.Entries = []CRLEntry{{Serial: bytes.Repeat([]byte{1}, 21), At: testNow}} },
		"reason 7":           func(c *CRLTemplate) { c.Entries = []CRLEntry{{Serial: []byte{1}, At: testNow, Reason: 7}} },
		"the number again":   func(c *CRLTemplate) { c.Extra = []Extension{{OIDCRLNumber, false, derNull}} },
		"a year without end": func(c *CRLTemplate) { c.NextUpdate = time.Date(10001, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		tpl := good
		edit(&tpl)
		if _, err := tpl.TBS(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	tbs := must[[]byte](t)(good.TBS())
	if _, err := AssembleCRL(tbs, SM2WithNull, []byte{1}); !errors.Is(err, ErrMalformed) {
		t.Errorf("assembled with another algorithm: %v", err)
	}
}

// BenchmarkCRL builds and reads a list of 100 000 entries.
func BenchmarkCRL(b *testing.B) {
	root := newRoot(b, SM2, "Root")
	entries := make([]CRLEntry, 100_000)
	for i := range entries {
		entries[i] = CRLEntry{Serial: big.NewInt(int64(i) + 1<<50).Bytes(), At: testNow, Reason: 1}
	}
	der := root.crl(b, 1, entries)
	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			root.crl(b, 1, entries)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseCRL(der); err != nil {
				b.Fatal(err)
			}
		}
	})
}
