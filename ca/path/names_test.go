package path

import (
	"testing"

	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

func general(kind uint8, data string) []byte { return tagged(implicit(kind), []byte(data)) }

func directory(der []byte) []byte { return tagged(explicit(nameDirectory), der) }

func other(oid string, value []byte) []byte {
	return tagged(explicit(nameOther), mustOID(oid), tagged(explicit(0), value))
}

func subtrees(permitted, excluded [][]byte) pki.Extension {
	var all []byte
	for n, list := range [][][]byte{permitted, excluded} {
		var body []byte
		for _, g := range list {
			body = append(body, sequence(g)...)
		}
		if len(body) > 0 {
			all = append(all, tagged(explicit(uint8(n)), body)...)
		}
	}
	return pki.Extension{OID: pki.OIDNameConstraints, Critical: true, Value: sequence(all)}
}

func altNames(names ...[]byte) pki.Extension {
	return pki.Extension{OID: pki.OIDSubjectAltName, Value: sequence(names...)}
}

// TestNameConstraints holds every kind of name against permitted and excluded subtrees.
func TestNameConstraints(t *testing.T) {
	dns := func(s string) []byte { return general(nameDNS, s) }
	email := func(s string) []byte { return general(nameEmail, s) }
	url := func(s string) []byte { return general(nameURI, s) }
	ip := func(b ...byte) []byte { return general(nameIP, string(b)) }
	upn := other("1.3.6.1.4.1.311.20.2.3", tagged(asn1.UTF8String, []byte("a@b.test")))
	smtp := other(oidSmtpUTF8, tagged(asn1.UTF8String, []byte("老师@b.test")))
	v6, v6net := make([]byte, 16), make([]byte, 32)
	v6[0], v6[15], v6net[0], v6net[16] = 0x20, 1, 0x20, 0xff
	test := sequence(tagged(asn1.SET, sequence(mustOID("2.5.4.6"), tagged(asn1.PrintableString, []byte("cn")))))
	others := sequence(tagged(asn1.SET, sequence(mustOID("2.5.4.6"), tagged(asn1.PrintableString, []byte("US")))))
	w := newWorld(t, pki.P256)
	for _, c := range []struct {
		what                string
		tree, name          []byte
		permitted, excluded bool // valid under the tree as permitted, as excluded
	}{
		{"DNS itself", dns("b.test"), dns("b.test"), true, false},
		{"DNS below", dns("b.test"), dns("a.b.test"), true, false},
		{"DNS in capitals", dns("B.Test"), dns("a.b.TEST"), true, false},
		{"DNS with the same end", dns("b.test"), dns("ab.test"), false, true},
		{"DNS above", dns("b.test"), dns("test"), false, true},
		{"DNS under everything", dns(""), dns("b.test"), true, false},
		{"DNS with a dot behind", dns("b.test"), dns("b.test."), true, false},
		{"DNS with a leading dot, below", dns(".b.test"), dns("a.b.test"), true, false},
		{"DNS with a leading dot, itself", dns(".b.test"), dns("b.test"), false, false},
		{"wildcard below", dns("b.test"), dns("*.b.test"), true, false},
		{"wildcard that stands for the tree", dns("a.b.test"), dns("*.b.test"), false, false},
		{"wildcard elsewhere", dns("b.test"), dns("*.c.test"), false, true},
		{"DNS that is none", dns("b.test"), dns("a b.test"), false, false},
		{"DNS with an empty label", dns("b.test"), dns("a..b.test"), false, false},
		{"DNS with a NUL", dns("b.test"), dns("evil.test\x00.b.test"), false, false},
		{"address of the host", email("b.test"), email("a@b.test"), true, false},
		{"address of a host below", email("b.test"), email("a@c.b.test"), false, true},
		{"address below a domain", email(".b.test"), email("a@c.b.test"), true, false},
		{"address of the domain itself", email(".b.test"), email("a@b.test"), false, true},
		{"one mailbox", email("a@b.test"), email("a@B.TEST"), true, false},
		{"one mailbox in capitals", email("a@b.test"), email("A@b.test"), false, false},
		{"another mailbox", email("a@b.test"), email("c@b.test"), false, true},
		{"no address", email("b.test"), email("b.test"), false, false},
		{"quoted at-sign", email("b.test"), email(`"x@evil.test"@b.test`), true, false},
		{"internationalised address", email("b.test"), smtp, false, false},
		{"URI of the host", url("b.test"), url("https://b.test/x"), true, false},
		{"URI with a port", url("b.test"), url("https://b.test:443/x"), true, false},
		{"URI with a user", url("b.test"), url("https://evil.test@b.test/x"), true, false},
		{"URI whose user looks like the host", url("b.test"), url("https://b.test@evil.test/"), false, true},
		{"URI with a backslash", url("b.test"), url(`https://evil.test\@b.test/`), false, true},
		{"URI below the host", url("b.test"), url("https://a.b.test/"), false, true},
		{"URI below the domain", url(".b.test"), url("https://a.b.test/"), true, false},
		{"URI of an IP address", url("b.test"), url("https://192.0.2.1/"), false, false},
		{"URI without a host", url("b.test"), url("urn:x:y"), false, false},
		{"IPv4 inside", ip(10, 0, 0, 0, 255, 0, 0, 0), ip(10, 1, 2, 3), true, false},
		{"IPv4 outside", ip(10, 0, 0, 0, 255, 0, 0, 0), ip(11, 1, 2, 3), false, true},
		{"IPv6 inside", ip(v6net...), ip(v6...), true, false},
		{"IPv6 under IPv4", ip(0, 0, 0, 0, 0, 0, 0, 0), ip(v6...), false, true},
		{"directory name inside", directory(test), directory(name("x")), true, false},
		{"directory name that is the tree", directory(name("EE")), directory(name("EE")), true, false},
		{"name of a kind not understood", upn, upn, false, false},
		{"registered ID", tagged(implicit(nameRegistered), mustOID("1.2.3")[2:]), tagged(implicit(nameRegistered), mustOID("1.2.3.4")[2:]), false, false},
		{"name of another kind", email("b.test"), dns("c.test"), true, true},
	} {
		for _, way := range []struct {
			what string
			nc   pki.Extension
			ok   bool
		}{{"permitted", subtrees([][]byte{c.tree}, nil), c.permitted}, {"excluded", subtrees(nil, [][]byte{c.tree}), c.excluded}} {
			ca := w.ca(w.root, "CA", with(way.nc))
			x := trial{leaf: w.leaf(ca, "EE", with(altNames(c.name))), chain: []*entity{ca}}
			if !way.ok {
				x.want = NameConstraints
			}
			t.Log(c.what, way.what)
			x.check(t, w)
		}
	}

	t.Run("subject", func(t *testing.T) {
		for nc, want := range map[*[2][][]byte]Code{
			{{directory(test)}, nil}: "", {{directory(others)}, nil}: NameConstraints, {nil, {directory(test)}}: NameConstraints, {nil, {directory(others)}}: "",
			{{directory(others), directory(test)}, nil}: "", {{directory(test)}, {directory(name("EE"))}}: NameConstraints,
		} {
			ca := w.ca(w.root, "CA", with(subtrees(nc[0], nc[1])))
			trial{leaf: w.leaf(ca, "EE"), chain: []*entity{ca}, want: want}.check(t, w)
		}
	})
	t.Run("address in the subject", func(t *testing.T) {
		subject := func(s *certSpec) {
			s.subject = sequence(tagged(asn1.SET, sequence(mustOID(pki.OIDEmail), tagged(asn1.IA5String, []byte("a@evil.test")))))
		}
		ca := w.ca(w.root, "CA", with(subtrees([][]byte{email("b.test")}, nil)))
		trial{leaf: w.leaf(ca, "EE", subject), chain: []*entity{ca}, want: NameConstraints}.check(t, w)
		trial{leaf: w.leaf(ca, "EE", subject, with(altNames(email("a@b.test")))), chain: []*entity{ca}, want: NameConstraints}.check(t, w)
	})
	t.Run("every CA above counts", func(t *testing.T) {
		wide := w.ca(w.root, "Wide", with(subtrees([][]byte{dns("b.test")}, nil)))
		sub := w.ca(wide, "Sub", with(subtrees([][]byte{dns("test")}, nil)))
		trial{leaf: w.leaf(sub, "EE", with(altNames(dns("a.b.test")))), chain: []*entity{wide, sub}}.check(t, w)
		trial{leaf: w.leaf(sub, "EE", with(altNames(dns("a.c.test")))), chain: []*entity{wide, sub}, want: NameConstraints}.check(t, w)
	})
	t.Run("the anchor's own count", func(t *testing.T) {
		root := w.selfSigned("Root", with(subtrees([][]byte{dns("b.test")}, nil)))
		x := trial{leaf: w.leaf(root, "EE", with(altNames(dns("c.test")))), want: NameConstraints}
		x.edit = func(o *Options) { o.Roots = []*pki.Certificate{root.cert} }
		x.check(t, w)
	})
	t.Run("self-issued CAs are exempt, a self-issued leaf is not", func(t *testing.T) {
		ca := w.ca(w.root, "CA", with(subtrees([][]byte{directory(others)}, nil)))
		again := w.issue(ca, "CA", w.key("again"), with(pki.ExtBasicConstraints(true, -1)))
		us := w.leaf(again, "EE", called(others))
		trial{leaf: us, chain: []*entity{ca, again}}.check(t, w)
		trial{leaf: again, chain: []*entity{ca}, want: NameConstraints}.check(t, w)
	})
	t.Run("malformed", func(t *testing.T) {
		minimum := pki.Extension{OID: pki.OIDNameConstraints, Critical: true, Value: sequence(tagged(explicit(0), sequence(dns("b.test"), tagged(implicit(0), []byte{1}))))}
		for _, e := range []pki.Extension{minimum, {OID: pki.OIDNameConstraints, Value: sequence()}, subtrees([][]byte{ip(10, 0, 0, 0, 255, 0, 255, 0)}, nil)} {
			ca := w.ca(w.root, "CA", with(e), func(s *certSpec) { s.unreadable = true })
			if ca.cert != nil {
				trial{leaf: w.leaf(ca, "EE"), chain: []*entity{ca}, want: Malformed}.check(t, w)
			}
		}
	})
}

func TestPurposeAndName(t *testing.T) {
	w := newWorld(t, pki.P256)
	eku := func(oids ...string) option { return with(must(pki.ExtEKU(oids...))) }
	hosts := with(must(pki.ExtSAN("b.test", "*.c.test", "192.0.2.7", "2001:db8::1")))
	ask := func(p Purpose, n string) func(*Options) {
		return func(o *Options) { o.Purpose, o.Name = p, n }
	}
	for _, c := range []struct {
		opts []option
		p    Purpose
		name string
		want Code
	}{
		{nil, PurposeAny, "", ""}, {nil, PurposeServerAuth, "", ""}, {nil, "timeStamping", "", Unsupported},
		{[]option{eku(pki.EKUServerAuth)}, PurposeServerAuth, "", ""},
		{[]option{eku(pki.EKUServerAuth)}, PurposeClientAuth, "", Usage},
		{[]option{eku(pki.EKUServerAuth)}, PurposeDocumentSigning, "", Usage},
		{[]option{eku(EKUDocumentSigning)}, PurposeDocumentSigning, "", ""},
		{[]option{eku(pki.EKUAny)}, PurposeClientAuth, "", ""},
		{[]option{eku(pki.EKUServerAuth)}, PurposeAny, "", ""},
		{[]option{with(pki.ExtKeyUsage(pki.KeyEncipherment, true))}, PurposeServerAuth, "", ""},
		{[]option{with(pki.ExtKeyUsage(pki.KeyEncipherment, true))}, PurposeClientAuth, "", Usage},
		{[]option{with(pki.ExtKeyUsage(pki.KeyEncipherment, true))}, PurposeDocumentSigning, "", Usage},
		{[]option{hosts}, "", "b.test", ""}, {[]option{hosts}, "", "B.Test.", ""}, {[]option{hosts}, "", "a.b.test", NameMismatch},
		{[]option{hosts}, "", "a.c.test", ""}, {[]option{hosts}, "", "c.test", NameMismatch}, {[]option{hosts}, "", "a.a.c.test", NameMismatch},
		{[]option{hosts}, "", "*.c.test", NameMismatch},
		{[]option{hosts}, "", "192.0.2.7", ""}, {[]option{hosts}, "", "192.0.2.8", NameMismatch}, {[]option{hosts}, "", "2001:DB8:0::1", ""},
		{[]option{called(nameDER("b.test", asn1.UTF8String))}, "", "b.test", NameMismatch},
		{[]option{with(altNames(general(nameDNS, "192.0.2.7")))}, "", "192.0.2.7", NameMismatch},
		{[]option{with(altNames(general(nameDNS, "*.test")))}, "", "b.test", NameMismatch},
		{[]option{with(altNames(general(nameDNS, "b*.c.test")))}, "", "bb.c.test", NameMismatch},
	} {
		x := trial{leaf: w.leaf(w.root, "EE", c.opts...), want: c.want, edit: ask(c.p, c.name)}
		t.Log(c.p, c.name)
		x.check(t, w)
	}
	narrow := w.ca(w.root, "CA", eku(pki.EKUClientAuth))
	x := trial{leaf: w.leaf(narrow, "EE", eku(pki.EKUServerAuth)), chain: []*entity{narrow}, edit: ask(PurposeServerAuth, ""), want: Usage}
	x.check(t, w)
}

func TestCriticalExtensions(t *testing.T) {
	w := newWorld(t, pki.P256)
	qualified := func(oid string) []byte {
		return sequence(sequence(mustOID("1.2.3"), sequence(sequence(mustOID(oid), tagged(asn1.IA5String, []byte("http://b.test"))))))
	}
	for _, c := range []struct {
		e    pki.Extension
		want Code
	}{
		{pki.Extension{OID: "1.2.3.4", Value: []byte{5, 0}}, ""},
		{pki.Extension{OID: "1.2.3.4", Critical: true, Value: []byte{5, 0}}, CriticalExtension},
		{pki.Extension{OID: pki.OIDPolicies, Critical: true, Value: qualified(oidCPS)}, ""},
		{pki.Extension{OID: pki.OIDPolicies, Critical: true, Value: qualified("1.2.3.5")}, CriticalExtension},
		{pki.Extension{OID: pki.OIDPolicies, Value: qualified("1.2.3.5")}, ""},
		{pki.Extension{OID: pki.OIDPolicies, Value: sequence(sequence(mustOID("1.2.3")), sequence(mustOID("1.2.3")))}, Malformed},
		{pki.Extension{OID: pki.OIDSubjectAltName, Critical: true, Value: sequence(uri("https://b.test/"))}, ""},
		{pki.Extension{OID: pki.OIDSubjectAltName, Critical: true, Value: sequence(other("1.2.3", []byte{5, 0}))}, CriticalExtension},
		{pki.Extension{OID: oidPolicyConstraints, Critical: true, Value: sequence()}, Malformed},
		{pki.Extension{OID: oidPolicyConstraints, Critical: true, Value: sequence(tagged(implicit(0), []byte{5}))}, ""},
		{pki.Extension{OID: oidPolicyConstraints, Critical: true, Value: sequence(tagged(implicit(0), []byte{0, 5}))}, Malformed},
		{pki.Extension{OID: oidPolicyConstraints, Critical: true, Value: sequence(tagged(implicit(0), []byte{0}))}, Policy},
		{pki.Extension{OID: oidInhibitAny, Critical: true, Value: integer(0)}, ""},
		{pki.Extension{OID: oidInhibitAny, Critical: true, Value: integer(0xff)}, Malformed},
		{pki.Extension{OID: oidPolicyMappings, Critical: true, Value: sequence()}, Malformed},
		{pki.Extension{OID: pki.OIDCRLPoints, Value: sequence(sequence(tagged(implicit(1), []byte{1, 6})))}, Malformed},
	} {
		trial{leaf: w.leaf(w.root, "EE", with(c.e)), want: c.want}.check(t, w)
	}
}
