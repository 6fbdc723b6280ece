package path

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/gm"
	"signet/ca/pki"
)

// TestEveryByteCounts: no certificate or CRL of a valid path can be changed in a single byte and still pass, and nothing panics.
func TestEveryByteCounts(t *testing.T) {
	w := newWorld(t, pki.SM2)
	ca := w.ca(w.root, "CA")
	leaf := w.leaf(ca, "EE", with(pointsTo("http://crl.test/here")))
	rootCRL, caCRL := w.crl(w.root), w.crl(ca, revokes(w.root, reason(4)), crlWith(issuingPoint("http://crl.test/here", nil)))
	valid := func(leafDER, caDER, crlDER []byte) bool {
		l, err1 := pki.ParseCertificate(leafDER)
		c, err2 := pki.ParseCertificate(caDER)
		if err1 != nil || err2 != nil {
			return false
		}
		return Verify(l, Options{At: now, Roots: []*pki.Certificate{w.root.cert}, Intermediates: []*pki.Certificate{c}, CRLs: [][]byte{rootCRL, crlDER}}).Valid
	}
	if !valid(leaf.der, ca.der, caCRL) {
		t.Fatal("refused unchanged")
	}
	change := func(der []byte, check func([]byte) bool) {
		t.Helper()
		for i := range der {
			for _, mask := range []byte{0x01, 0x80, 0xff} {
				bad := bytes.Clone(der)
				bad[i] ^= mask
				if check(bad) {
					t.Errorf("accepted with byte %d changed by %02x", i, mask)
				}
			}
		}
		for n := range der {
			if check(der[:n]) {
				t.Errorf("accepted cut to %d bytes", n)
			}
		}
		if check(append(bytes.Clone(der), 0)) {
			t.Error("accepted with a byte after it")
		}
	}
	change(leaf.der, func(b []byte) bool { return valid(b, ca.der, caCRL) })
	change(ca.der, func(b []byte) bool { return valid(leaf.der, b, caCRL) })
	change(caCRL, func(b []byte) bool { return valid(leaf.der, ca.der, b) })
}

// TestSignatureForms: the forms of an SM2 or ECDSA signature that some verifiers let pass.
func TestSignatureForms(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		w := newWorld(t, alg)
		n, _ := new(big.Int).SetString("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123", 16)
		if alg == pki.P256 {
			n, _ = new(big.Int).SetString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)
		}
		num := func(v *big.Int) []byte {
			b := v.Bytes()
			if len(b) == 0 || b[0] >= 0x80 {
				b = append([]byte{0}, b...)
			}
			return integer(b...)
		}
		add := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
		zero := new(big.Int)
		for what, form := range map[string]func(r, s *big.Int) []byte{
			"r of 0":         func(_, s *big.Int) []byte { return sequence(num(zero), num(s)) },
			"s of 0":         func(r, _ *big.Int) []byte { return sequence(num(r), num(zero)) },
			"both 0":         func(_, _ *big.Int) []byte { return sequence(num(zero), num(zero)) },
			"r of n":         func(_, s *big.Int) []byte { return sequence(num(n), num(s)) },
			"s of n":         func(r, _ *big.Int) []byte { return sequence(num(r), num(n)) },
			"n + r":          func(r, s *big.Int) []byte { return sequence(num(add(n, r)), num(s)) },
			"n + s":          func(r, s *big.Int) []byte { return sequence(num(r), num(add(n, s))) },
			"negative r":     func(r, s *big.Int) []byte { return sequence(integer(append([]byte{0xff}, r.Bytes()...)...), num(s)) },
			"r padded":       func(r, s *big.Int) []byte { return sequence(integer(append([]byte{0, 0}, r.Bytes()...)...), num(s)) },
			"bytes after it": func(r, s *big.Int) []byte { return append(sequence(num(r), num(s)), 0) },
			"bytes inside":   func(r, s *big.Int) []byte { return sequence(num(r), num(s), integer(0)) },
			"length in long form": func(r, s *big.Int) []byte {
				body := append(num(r), num(s)...)
				return append([]byte{0x30, 0x81, byte(len(body))}, body...)
			},
			"indefinite length": func(r, s *big.Int) []byte {
				return append(append([]byte{0x30, 0x80}, append(num(r), num(s)...)...), 0, 0)
			},
			"swapped": func(r, s *big.Int) []byte { return sequence(num(s), num(r)) },
			"raw r‖s": func(r, s *big.Int) []byte {
				return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
			},
			"one half": func(r, _ *big.Int) []byte { return sequence(num(r)) },
		} {
			leaf := w.leaf(w.root, "EE", func(s *certSpec) {
				s.sign = func(k crypto.Signer, alg pki.SigAlg, tbs []byte) []byte { return form(split(honest(k, alg, tbs))) }
			})
			t.Log(alg, what)
			trial{leaf: leaf, want: BadSignature}.check(t, w)
		}
	}
}

func split(sig []byte) (r, s *big.Int) {
	body, _ := only(sig, asn1.SEQUENCE)
	r, s = new(big.Int), new(big.Int)
	body.ReadASN1Integer(r)
	body.ReadASN1Integer(s)
	return r, s
}

// TestSM2Identity: a signature under another user ID, or over SM3 of the bytes alone, is none.
func TestSM2Identity(t *testing.T) {
	w := newWorld(t, pki.SM2)
	sign := func(digest func(pub *gm.PublicKey, tbs []byte) []byte) option {
		return func(s *certSpec) {
			s.sign = func(k crypto.Signer, _ pki.SigAlg, tbs []byte) []byte {
				sig, err := k.Sign(nil, digest(k.Public().(*gm.PublicKey), tbs), pki.SM2Opts)
				w.must(err)
				return sig
			}
		}
	}
	trial{leaf: w.leaf(w.root, "EE", sign(func(p *gm.PublicKey, tbs []byte) []byte { return p.Digest(nil, tbs) }))}.check(t, w)
	trial{leaf: w.leaf(w.root, "EE", sign(func(p *gm.PublicKey, tbs []byte) []byte { return p.Digest([]byte("ALICE123@YAHOO.COM"), tbs) })), want: BadSignature}.check(t, w)
	trial{leaf: w.leaf(w.root, "EE", sign(func(_ *gm.PublicKey, tbs []byte) []byte { sum := gm.SumSM3(tbs); return sum[:] })), want: BadSignature}.check(t, w)
}

// TestWeakKeys: RSA of 1024 bits, of a leaf or of a CA.
func TestWeakKeys(t *testing.T) {
	w := newWorld(t, pki.RSA2048)
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	trial{leaf: w.issue(w.root, "EE", weak), want: WeakKey}.check(t, w)
	ca := w.issue(w.root, "CA", weak, with(pki.ExtBasicConstraints(true, -1)))
	trial{leaf: w.leaf(ca, "EE"), chain: []*entity{ca}, want: WeakKey}.check(t, w)
}

// quick fails when a validation takes longer than hostile input may make it; the machine may be busy.
func quick(t *testing.T, w *world, x trial) {
	t.Helper()
	begun := time.Now()
	x.check(t, w)
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestCrossedHierarchies: n names with m keys each, every one certified by every one of the level above, none by an anchor.
func TestCrossedHierarchies(t *testing.T) {
	w := newWorld(t, pki.P256)
	const levels, width = 6, 4
	above := []*entity{{key: w.key("nobody"), spec: certSpec{subject: name("Nobody"), key: w.key("nobody")}}}
	var all []*entity
	for level := range levels {
		var here []*entity
		for i := range width {
			for _, parent := range above {
				e := w.issue(parent, fmt.Sprint("Level ", level), w.key(fmt.Sprint(level, "/", i)),
					with(pki.ExtBasicConstraints(true, -1), pki.ExtKeyUsage(pki.KeyCertSign, true)))
				here, all = append(here, e), append(all, e)
			}
		}
		above = nil
		for i := 0; i < len(here); i += len(here) / width { // one certificate of each key issues
			above = append(above, here[i])
		}
	}
	quick(t, w, trial{leaf: w.leaf(above[0], "EE"), chain: all, want: TooComplex})
}

// TestPolicyFlood: mappings that make a tree grow without bound (CVE-2023-0464) cost no more than the certificates' size.
func TestPolicyFlood(t *testing.T) {
	w := newWorld(t, pki.P256)
	const n = 60
	oid := func(i int) string { return fmt.Sprintf("1.2.3.%d", i) }
	var policies []string
	var mapped []byte
	for i := range n {
		policies = append(policies, oid(i))
		for j := range n {
			mapped = append(mapped, sequence(mustOID(oid(i)), mustOID(oid(j)))...)
		}
	}
	flood := with(certPolicies(policies...), pki.Extension{OID: oidPolicyMappings, Value: sequence(mapped)})
	var chain []*entity
	parent := w.root
	for i := range 12 {
		parent = w.ca(parent, fmt.Sprint("CA ", i), flood)
		chain = append(chain, parent)
	}
	x := trial{leaf: w.leaf(parent, "EE", with(certPolicies(policies...))), chain: chain}
	x.edit = func(o *Options) { o.ExplicitPolicy, o.Policies = true, []string{oid(7)} }
	quick(t, w, x)
	x.edit, x.want = func(o *Options) { o.ExplicitPolicy, o.Policies = true, []string{"1.2.4"} }, Policy
	quick(t, w, x)
}

func certPolicies(oids ...string) pki.Extension {
	e, err := pki.ExtPolicies(oids...)
	if err != nil {
		panic(err)
	}
	return e
}

// TestNameFlood: thousands of names under thousands of constraints.
func TestNameFlood(t *testing.T) {
	w := newWorld(t, pki.P256)
	var trees, names []byte
	for i := range 2500 {
		host := fmt.Appendf(nil, "host%d.test", i)
		trees = append(trees, sequence(tagged(implicit(nameDNS), host))...)
		names = append(names, tagged(implicit(nameDNS), append([]byte("x."), host...))...)
	}
	ca := w.ca(w.root, "CA", with(pki.Extension{OID: pki.OIDNameConstraints, Critical: true, Value: sequence(tagged(explicit(0), trees))}))
	leaf := w.leaf(ca, "EE", with(pki.Extension{OID: pki.OIDSubjectAltName, Value: sequence(names)}))
	quick(t, w, trial{leaf: leaf, chain: []*entity{ca}, want: TooComplex})
}

// TestPointFlood: thousands of points against thousands of CRLs of the right issuer and the wrong scope.
func TestPointFlood(t *testing.T) {
	w := newWorld(t, pki.P256)
	var points []byte
	for i := range 2000 {
		points = append(points, sequence(fullName(uri(fmt.Sprint("http://crl.test/", i))))...)
	}
	leaf := w.leaf(w.root, "EE", with(pki.Extension{OID: pki.OIDCRLPoints, Value: sequence(points)}))
	one := w.crl(w.root, crlWith(issuingPoint("http://crl.test/elsewhere", nil)))
	x := trial{leaf: leaf, want: TooComplex}
	for range 500 {
		x.crls = append(x.crls, one)
	}
	quick(t, w, x)
}

// TestDeepChain: a path may have sixteen certificates.
func TestDeepChain(t *testing.T) {
	w := newWorld(t, pki.P256)
	for _, n := range []int{14, 15} {
		parent, x := w.root, trial{}
		for i := range n {
			parent = w.ca(parent, fmt.Sprint("CA ", i))
			x.chain = append(x.chain, parent)
		}
		x.leaf = w.leaf(parent, "EE")
		if n > 14 {
			x.want = TooDeep
		}
		quick(t, w, x)
	}
}

// TestManyCandidates: the right issuer is found among many of the same name, by key identifier and without.
func TestManyCandidates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var chain []*entity
		for i := range 30 {
			chain = append(chain, w.issue(w.root, "CA", w.key(fmt.Sprint("wrong ", i)), with(pki.ExtBasicConstraints(true, -1), pki.ExtSKI([]byte{byte(i)}))))
		}
		ca := w.ca(w.root, "CA")
		for _, opts := range [][]option{nil, {without(pki.OIDAuthorityKeyID)}} {
			trial{leaf: w.leaf(ca, "EE", opts...), chain: append(chain, ca)}.check(t, w)
		}
	})
}

// TestCrossCertificates: of several ways up, one that holds is taken, whatever is wrong with the others.
func TestCrossCertificates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := w.ca(w.root, "CA")
		old := w.ca(w.root, "CA", until(now.AddDate(0, 0, -1)))
		narrow := w.ca(w.root, "CA", with(pki.Extension{OID: pki.OIDNameConstraints, Critical: true, Value: sequence(tagged(explicit(1),
			sequence(tagged(implicit(nameDNS), []byte("a.test")))))}))
		stranger := w.selfSigned("Stranger")
		cross := w.ca(stranger, "CA")
		leaf := w.leaf(good, "EE", with(must(pki.ExtSAN("www.a.test"))))
		trial{leaf: leaf, chain: []*entity{old, narrow, cross, stranger, good}}.check(t, w)
		trial{leaf: leaf, chain: []*entity{old, cross, stranger}, want: Expired}.check(t, w)
		trial{leaf: leaf, chain: []*entity{narrow}, want: NameConstraints}.check(t, w)
		trial{leaf: leaf, chain: []*entity{cross, stranger}, want: NoPath}.check(t, w)
		// Revoked one way, good the other.
		trial{leaf: leaf, chain: []*entity{narrow, good}, crls: [][]byte{w.crl(w.root, revokes(good)), w.crl(good)}, want: NameConstraints}.check(t, w)
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestAnchors: what is trusted directly, and what a root that is not trusted is worth.
func TestAnchors(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ca := w.ca(w.root, "CA")
		leaf := w.leaf(ca, "EE", with(certPolicies("1.2.3")))
		trusting := func(roots ...*entity) func(*Options) {
			return func(o *Options) {
				o.Roots = nil
				for _, r := range roots {
					o.Roots = append(o.Roots, r.cert)
				}
			}
		}
		trial{leaf: leaf, edit: trusting(ca)}.check(t, w)
		trial{leaf: leaf, edit: trusting(leaf)}.check(t, w)
		trial{leaf: w.root, edit: trusting(w.root)}.check(t, w)
		trial{leaf: leaf, chain: []*entity{ca, w.root}, edit: trusting(), want: NoPath}.check(t, w)
		fake := w.selfSigned("Root", func(s *certSpec) { s.key = w.key("fake") })
		trial{leaf: leaf, chain: []*entity{ca, w.root}, edit: trusting(fake), want: BadSignature}.check(t, w)
		trial{leaf: leaf, edit: func(o *Options) { trusting(leaf)(o); o.ExplicitPolicy, o.Policies = true, []string{"1.2.3"} }}.check(t, w)
		trial{leaf: leaf, edit: func(o *Options) { trusting(leaf)(o); o.ExplicitPolicy, o.Policies = true, []string{"1.2.4"} }, want: Policy}.check(t, w)
		old := w.selfSigned("Root", until(now.AddDate(0, 0, -1)))
		trial{leaf: leaf, chain: []*entity{ca}, edit: trusting(old), want: Expired}.check(t, w)
	})
}
