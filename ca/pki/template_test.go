package pki

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"testing"
	"time"
)

func TestTemplateIsDeterministic(t *testing.T) {
	key := testKey(t, SM2, "Root")
	tpl := template(t, key, name(t, "Root"), key.Public(), name(t, "张三"), ExtSKI([]byte{1}))
	tpl.NotBefore = tpl.NotBefore.Add(123456789).In(time.FixedZone("CST", 8*3600)) // a fraction, and another zone
	first := must[[]byte](t)(tpl.TBS())
	if !bytes.Equal(first, must[[]byte](t)(tpl.TBS())) {
		t.Error("the same template gives other bytes")
	}
	c := issue(t, key, tpl)
	if !c.NotBefore.Equal(testStart) || !bytes.Equal(c.RawTBS, first) {
		t.Errorf("from %v", c.NotBefore)
	}
	for _, shape := range [][]Extension{nil, {ExtSKI([]byte{1}), ExtBasicConstraints(true, 3)}, {ExtBasicConstraints(true, 3), ExtSKI([]byte{1})}} {
		tpl.Extensions = shape
		c := issue(t, key, tpl)
		for i, e := range shape {
			if c.Extensions[i].OID != e.OID || c.Extensions[i].Critical != e.Critical || !bytes.Equal(c.Extensions[i].Value, e.Value) {
				t.Errorf("extension %d is %v", i, c.Extensions[i])
			}
		}
	}
}

func TestTemplateTimes(t *testing.T) {
	key := testKey(t, SM2, "Root")
	tpl := template(t, key, name(t, "Root"), key.Public(), name(t, "张三"))
	tpl.NotBefore = time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)
	tpl.NotAfter = tpl.NotBefore.Add(time.Second)
	want := unhex("301e" + "170d" + hex.EncodeToString([]byte("491231235959Z")) + "180f" + hex.EncodeToString([]byte("20500101000000Z")))[2:]
	tbs := must[[]byte](t)(tpl.TBS())
	if !bytes.Contains(tbs, want) {
		t.Errorf("no %q in the certificate", want)
	}
	if c := issue(t, key, tpl); !c.NotAfter.Equal(tpl.NotAfter) || !c.NotBefore.Equal(tpl.NotBefore) || c.CheckStrict() != nil {
		t.Errorf("%v – %v", c.NotBefore, c.NotAfter)
	}
}

func TestTemplateRefuses(t *testing.T) {
	key := testKey(t, SM2, "Root")
	for what, edit := range map[string]func(*Template){
		"no serial":           func(c *Template) { c.Serial = nil },
		"serial 0":            func(c *Template) { c.Serial = []byte{0, 0} },
		"serial of 21":        func(c *Template) { c.Serial = bytes.Repeat([]byte{1}, 21) },
		"serial of 20 and up": func(c *Template) { c.Serial = bytes.Repeat([]byte{0x80}, 20) },
		"no issuer":           func(c *Template) { c.Issuer = Name{} },
		"empty issuer":        func(c *Template) { c.Issuer = must[Name](t)(NewName()) },
		"no subject":          func(c *Template) { c.Subject = Name{} },
		"ends before it begins": func(c *Template) {
			c.NotAfter = c.NotBefore.Add(-time.Second)
		},
		"year 10000":       func(c *Template) { c.NotAfter = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no algorithm":     func(c *Template) { c.SigAlg = SigAlg{} },
		"no key":           func(c *Template) { c.SPKI = nil },
		"bytes after key":  func(c *Template) { c.SPKI = append(bytes.Clone(c.SPKI), 0) },
		"extension twice":  func(c *Template) { c.Extensions = []Extension{ExtSKI([]byte{1}), ExtSKI([]byte{2})} },
		"extension no OID": func(c *Template) { c.Extensions = []Extension{{OID: "x"}} },
	} {
		tpl := template(t, key, name(t, "Root"), key.Public(), name(t, "张三"))
		edit(&tpl)
		if _, err := tpl.TBS(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	tbs := must[[]byte](t)(template(t, key, name(t, "Root"), key.Public(), name(t, "张三")).TBS())
	for what, in := range map[string][]byte{"another algorithm": tbs, "nothing": nil, "cut": tbs[:40], "bytes after": append(bytes.Clone(tbs), 0)} {
		alg := SM2WithSM3
		if what == "another algorithm" {
			alg = SM2WithNull
		}
		if _, err := Assemble(in, alg, []byte{1}); !errors.Is(err, ErrMalformed) {
			t.Errorf("assembling %s: %v", what, err)
		}
	}
}

func TestExtensionBytes(t *testing.T) {
	// Source: gm-standards §2 for the two key usages of a pair; RFC 5280 for the others, computed by hand.
	for _, c := range []struct {
		ext  Extension
		want string
	}{
		{ExtKeyUsage(SigningUsage, true), "030206c0"},
		{ExtKeyUsage(EncryptionUsage, true), "03020338"},
		{ExtKeyUsage(KeyCertSign|CRLSign, true), "03020106"},
		{ExtKeyUsage(DecipherOnly|KeyAgreement, true), "0303070880"},
		{ExtKeyUsage(0, true), "030100"},
		{ExtBasicConstraints(true, -1), "30030101ff"},
		{ExtBasicConstraints(true, 0), "30060101ff020100"},
		{ExtBasicConstraints(true, 200), "30070101ff020200c8"},
		{ExtBasicConstraints(false, 5), "3000"},
		{ExtSKI([]byte{1, 2}), "04020102"},
		{ExtAKI([]byte{1, 2}), "300480020102"},
		{must[Extension](t)(ExtPrintable(OIDOrgCode, "A-1")), "1303412d31"},
		{must[Extension](t)(ExtUTF8(OIDOrgCode, "张")), "0c03e5bca0"},
		{must[Extension](t)(ExtEKU(EKUTimeStamping)), "300a06082b06010505070308"},
		{must[Extension](t)(ExtPolicies("1.2.3")), "3006300406022a03"},
		{must[Extension](t)(ExtCRLURLs("u")), "30093007a005a003860175"},
		{must[Extension](t)(ExtAIA([]string{"u"}, nil)), "300f300d06082b06010505073001860175"},
		{must[Extension](t)(ExtSAN("a.b", "1.2.3.4", "::1")), "301d" + "8203612e62" + "870401020304" + "8710" + "00000000000000000000000000000001"},
		{ExtOCSPNoCheck(), "0500"},
	} {
		if got := hex.EncodeToString(c.ext.Value); got != c.want {
			t.Errorf("%s: got %s, want %s", c.ext.OID, got, c.want)
		}
	}
}

func TestExtensionMakersRefuse(t *testing.T) {
	one := func(_ Extension, err error) error { return err }
	for what, err := range map[string]error{
		"no EKU":                    one(ExtEKU()),
		"EKU that is no OID":        one(ExtEKU("x")),
		"no policy":                 one(ExtPolicies()),
		"policy that is no OID":     one(ExtPolicies("1.")),
		"no CRL address":            one(ExtCRLURLs()),
		"address outside ASCII":     one(ExtCRLURLs("http://例")),
		"address with a space":      one(ExtCRLURLs("http://a b")),
		"empty address":             one(ExtAIA([]string{""}, nil)),
		"no address":                one(ExtAIA(nil, nil)),
		"no DNS name":               one(ExtSAN()),
		"DNS name with a space":     one(ExtSAN("a b")),
		"DNS name with NUL":         one(ExtSAN("a\x00b")),
		"DNS name outside ASCII":    one(ExtSAN("例.cn")),
		"empty label":               one(ExtSAN("a..b")),
		"wildcard inside":           one(ExtSAN("a.*.b")),
		"wildcard of a top level":   one(ExtSAN("*.cn")),
		"hyphen in front":           one(ExtSAN("-a.cn")),
		"underscore-less printable": one(ExtPrintable(OIDOrgCode, "a_b")),
		"Chinese as Printable":      one(ExtPrintable(OIDOrgCode, "张")),
		"nothing as Printable":      one(ExtPrintable(OIDOrgCode, "")),
		"Printable of no OID":       one(ExtPrintable("x", "a")),
		"bidi override":             one(ExtUTF8(OIDOrgCode, "\u202e")),
		"invalid UTF-8":             one(ExtUTF8(OIDOrgCode, "\xff")),
	} {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOIDs(t *testing.T) {
	for dotted, der := range map[string]string{
		"1.2.156.10197.1.301": "06082a811ccf5501822d", // gm-standards §1
		"2.5.4.3":             "0603550403",
		"2.999.1":             "0603883701",
		"2.25.329800735698586629295641978511506172918": "", // arcs of UUIDs are larger than 64 bits
	} {
		got, err := EncodeOID(dotted)
		if err != nil {
			t.Errorf("%s: %v", dotted, err)
			continue
		}
		if der != "" && hex.EncodeToString(got) != der {
			t.Errorf("%s is %x", dotted, got)
		}
		if back, err := DecodeOID(got[2:]); err != nil || back != dotted {
			t.Errorf("%s reads back %s: %v", dotted, back, err)
		}
	}
	for _, bad := range []string{"", "1", "3.1", "1.40", "1..2", "1.-2", "1.2.x", " 1.2"} {
		if _, err := EncodeOID(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "80", "8001", "5580", "558001"} {
		if _, err := DecodeOID(unhex(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestHostileRequests(t *testing.T) {
	key := testKey(t, SM2, "Root")
	good := must[[]byte](t)(CreateCertificateRequest(rand.Reader, key, name(t, "x")))
	version, subject, pub := derUint(nil), name(t, "x").DER(), spki(t, key.Public())
	make := func(parts ...[]byte) []byte { return signed(tlv(tagSequence, parts...), SM2WithSM3, []byte{1}) }
	attrs := func(a ...[]byte) []byte { return tlv(context(0, true), a...) }
	wanted := func(values ...[]byte) []byte {
		return tlv(tagSequence, mustOID(oidExtensionRequest), tlv(tagSet, values...))
	}
	ski := must[[]byte](t)(ExtSKI([]byte{1}).der())
	if _, err := ParseCertificateRequest(make(version, subject, pub, attrs(wanted(tlv(tagSequence, ski))))); err != nil {
		t.Fatal(err)
	}
	for what, der := range map[string][]byte{
		"bytes after the end":      append(bytes.Clone(good), 0),
		"version 2":                make(derUint([]byte{1}), subject, pub, attrs()),
		"attribute twice":          make(version, subject, pub, attrs(wanted(tlv(tagSequence, ski)), wanted(tlv(tagSequence, ski)))),
		"two extension requests":   make(version, subject, pub, attrs(wanted(tlv(tagSequence, ski), tlv(tagSequence, ski)))),
		"extension twice":          make(version, subject, pub, attrs(wanted(tlv(tagSequence, ski, ski)))),
		"no key":                   make(version, subject, attrs()),
		"something after":          make(version, subject, pub, attrs(), derNull),
		"attribute without values": make(version, subject, pub, attrs(tlv(tagSequence, mustOID("1.2.3")))),
		"DNS name outside ASCII": make(version, subject, pub, attrs(wanted(tlv(tagSequence,
			must[[]byte](t)(Extension{OIDSubjectAltName, false, tlv(tagSequence, tlv(context(2, false), []byte("例")))}.der()))))),
		"larger than allowed": tlv(tagSequence, bytes.Repeat([]byte{0}, maxCertSize)),
	} {
		if _, err := ParseCertificateRequest(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := must[*CertificateRequest](t)(ParseCertificateRequest(
		signed(must[*CertificateRequest](t)(ParseCertificateRequest(good)).RawCRI, SM2WithSM3, []byte{1})))
	if err := other.CheckSignature(); !errors.Is(err, ErrSignature) {
		t.Errorf("no possession: %v", err)
	}
}

func TestRequestForKeyElsewhere(t *testing.T) {
	key := testKey(t, SM2, "Root")
	cri := must[[]byte](t)(RequestInfo(name(t, "张三"), spki(t, key.Public())))
	digest, opts, err := Digest(key.Public(), SM2WithSM3, cri)
	if err != nil {
		t.Fatal(err)
	}
	sig := must[[]byte](t)(key.Sign(rand.Reader, digest, opts))
	der := must[[]byte](t)(AssembleRequest(cri, SM2WithSM3, sig))
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	for _, in := range [][]byte{der, text, append([]byte("\ufefftext\n"), text...)} {
		if q, err := ReadRequest(in); err != nil || q.CheckSignature() != nil {
			t.Error(err)
		}
	}
	for _, in := range [][]byte{append(bytes.Clone(text), 'x'), bytes.ReplaceAll(text, []byte("REQUEST"), []byte("LETTER")), nil} {
		if _, err := ReadRequest(in); !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	}
	if _, err := AssembleRequest(cri, SM2WithSM3, []byte{1}); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
}

func TestPEM(t *testing.T) {
	root := newRoot(t, SM2, "Root").cert
	leaf := newRoot(t, P256, "Other").cert
	text := EncodePEM(root, leaf)
	got := must[[]*Certificate](t)(ParseCertificatesPEM(append([]byte("subject=x\n"), text...)))
	if len(got) != 2 || !bytes.Equal(got[0].Raw, root.Raw) || !bytes.Equal(got[1].Raw, leaf.Raw) {
		t.Error("not the same certificates")
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})
	for what, in := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "a key": append(bytes.Clone(text), key...),
		"cut": text[:len(text)-40], "not a certificate": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}})} {
		if _, err := ParseCertificatesPEM(in); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
