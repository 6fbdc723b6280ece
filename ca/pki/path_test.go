package pki

import (
	"crypto/rsa"
	"errors"
	"math/big"
	"testing"
	"time"
)

func options(roots, intermediates []*Certificate) PathOptions {
	return PathOptions{Roots: NewPool(roots...), Intermediates: NewPool(intermediates...), At: testNow}
}

func certs(c ...*Certificate) []*Certificate { return c }

func wantCode(t *testing.T, leaf *Certificate, o PathOptions, code string) {
	t.Helper()
	path, err := BuildPath(leaf, o)
	var p *PathError
	if !errors.As(err, &p) || p.Code != code {
		t.Errorf("wanted %s, got %v (%d certificates)", code, err, len(path))
	}
	if path != nil {
		t.Error("a path beside an error")
	}
}

func wantPath(t *testing.T, leaf *Certificate, o PathOptions, want ...*Certificate) {
	t.Helper()
	path, err := BuildPath(leaf, o)
	if err != nil {
		t.Errorf("wanted a path of %d: %v", len(want), err)
		return
	}
	if len(path) != len(want) {
		t.Errorf("path of %d certificates, wanted %d", len(path), len(want))
		return
	}
	for i := range want {
		if path[i] != want[i] {
			t.Errorf("certificate %d is %s, wanted %s", i, path[i].Subject, want[i].Subject)
		}
	}
}

func TestPathPerAlgorithm(t *testing.T) {
	for _, alg := range testAlgs {
		root := newRoot(t, alg, "Root")
		ca := root.sub(t, alg, "Issuing", 0)
		leaf := ca.leaf(t, alg, "张三")
		wantPath(t, leaf, options(certs(root.cert), certs(ca.cert)), leaf, ca.cert, root.cert)
		wantPath(t, leaf, options(certs(ca.cert), nil), leaf, ca.cert) // an anchor need not be self-signed
		wantPath(t, root.cert, options(certs(root.cert), nil), root.cert)
		wantCode(t, leaf, options(certs(root.cert), nil), "no_path")
		wantCode(t, leaf, options(nil, certs(ca.cert, root.cert)), "no_path")
		wantCode(t, leaf, PathOptions{At: testNow}, "no_path")
	}
}

func TestPathTime(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	leaf := root.leaf(t, SM2, "张三")
	o := options(certs(root.cert), nil)
	for at, code := range map[time.Time]string{
		testStart: "", testEnd: "", testEnd.Add(999 * time.Millisecond): "",
		testStart.Add(-time.Second): "not_yet_valid", testEnd.Add(time.Second): "expired",
	} {
		o.At = at
		if code == "" {
			wantPath(t, leaf, o, leaf, root.cert)
		} else {
			wantCode(t, leaf, o, code)
		}
	}

	key := testKey(t, SM2, "Old")
	tpl := template(t, root.key, root.cert.Subject, key.Public(), name(t, "Old"), ExtBasicConstraints(true, -1), ExtKeyUsage(KeyCertSign, true))
	tpl.NotAfter = testNow.Add(-time.Hour)
	expired := authority{key, issue(t, root.key, tpl)}
	below := expired.leaf(t, SM2, "李四")
	wantCode(t, below, options(certs(root.cert), certs(expired.cert)), "expired")

	// The same CA renewed: the search has to go on to the valid certificate.
	renewed := root.sub(t, SM2, "Old", -1)
	wantPath(t, below, options(certs(root.cert), certs(expired.cert, renewed.cert)), below, renewed.cert, root.cert)
}

func TestPathUsage(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	ca := root.sub(t, SM2, "Issuing", -1)
	leaf := ca.leaf(t, SM2, "张三", must[Extension](t)(ExtEKU(EKUClientAuth)))
	plain := ca.leaf(t, SM2, "李四")
	o := options(certs(root.cert), certs(ca.cert))

	o.Usage = DigitalSignature | KeyEncipherment // any one of them
	wantPath(t, leaf, o, leaf, ca.cert, root.cert)
	o.Usage = KeyEncipherment
	wantCode(t, leaf, o, "usage")

	o.Usage, o.EKU = 0, EKUClientAuth
	wantPath(t, leaf, o, leaf, ca.cert, root.cert)
	wantPath(t, plain, o, plain, ca.cert, root.cert)
	o.EKU = EKUServerAuth
	wantCode(t, leaf, o, "usage")
	o.EKU = EKUTimeStamping // never by silence
	wantCode(t, plain, o, "usage")

	narrow := root.sub(t, SM2, "Narrow", -1, must[Extension](t)(ExtEKU(EKUClientAuth)))
	wide := narrow.leaf(t, SM2, "王五", must[Extension](t)(ExtEKU(EKUServerAuth, EKUClientAuth)))
	o = options(certs(root.cert), certs(narrow.cert))
	o.EKU = EKUClientAuth
	wantPath(t, wide, o, wide, narrow.cert, root.cert)
	o.EKU = EKUServerAuth
	wantCode(t, wide, o, "usage")
}

func TestPathIssuerMustBeCA(t *testing.T) {
	root := newRoot(t, P256, "Root")
	for what, exts := range map[string][]Extension{
		"no basic constraints": {ExtKeyUsage(KeyCertSign, true)},
		"cA false":             {ExtBasicConstraints(false, -1), ExtKeyUsage(KeyCertSign, true)},
		"no keyCertSign":       {ExtBasicConstraints(true, -1), ExtKeyUsage(CRLSign, true)},
	} {
		key := testKey(t, P256, "NoCA")
		fake := authority{key, issue(t, root.key, template(t, root.key, root.cert.Subject, key.Public(), name(t, "NoCA"), exts...))}
		leaf := fake.leaf(t, P256, "张三")
		t.Log(what)
		wantCode(t, leaf, options(certs(root.cert), certs(fake.cert)), "not_ca")
		if err := leaf.CheckSignatureFrom(fake.cert); !errors.Is(err, ErrIssuer) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPathSignature(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	otherKey := testKey(t, SM2, "impostor")
	// The impostor has the root's name and claims its key identifier, but not its key.
	impostor := authority{otherKey, issue(t, otherKey, template(t, otherKey, root.cert.Subject, otherKey.Public(), root.cert.Subject,
		ExtBasicConstraints(true, -1), ExtKeyUsage(KeyCertSign, true), ExtSKI(root.cert.SKI)))}
	forged := impostor.leaf(t, SM2, "张三")
	wantCode(t, forged, options(certs(root.cert), nil), "bad_signature")
	wantCode(t, forged, options(certs(root.cert), certs(impostor.cert)), "bad_signature")

	// An honest CA after a key change: the old key is simply not here.
	honest := authority{otherKey, issue(t, otherKey, template(t, otherKey, root.cert.Subject, otherKey.Public(), root.cert.Subject,
		ExtBasicConstraints(true, -1), ExtKeyUsage(KeyCertSign, true), ExtSKI(KeyID(otherKey.Public()))))}
	leaf := honest.leaf(t, SM2, "张三")
	wantCode(t, leaf, options(certs(root.cert), nil), "no_path")
	wantPath(t, leaf, options(certs(root.cert, honest.cert), nil), leaf, honest.cert)

	// ECDSA says the certificate, SM2 is the issuer's key.
	p := testKey(t, P256, "fit")
	tpl := template(t, p, root.cert.Subject, p.Public(), name(t, "mixed"))
	mixed := issue(t, p, tpl)
	wantCode(t, mixed, options(certs(root.cert), nil), "bad_signature")
}

func TestPathLength(t *testing.T) {
	root := newRoot(t, P256, "Root")
	one := root.sub(t, P256, "One", 1)
	two := one.sub(t, P256, "Two", -1)
	three := two.sub(t, P256, "Three", -1)
	good, bad := two.leaf(t, P256, "张三"), three.leaf(t, P256, "李四")
	all := options(certs(root.cert), certs(one.cert, two.cert, three.cert))
	wantPath(t, good, all, good, two.cert, one.cert, root.cert)
	wantCode(t, bad, all, "path_len")

	zero := root.sub(t, P256, "Zero", 0)
	direct := zero.leaf(t, P256, "张三")
	wantPath(t, direct, options(certs(root.cert), certs(zero.cert)), direct, zero.cert, root.cert)

	// The same CA under a new key, certified by its old key: self-issued, so it does not count.
	newKey := testKey(t, P256, "Zero new")
	rolled := authority{newKey, issue(t, zero.key, template(t, zero.key, zero.cert.Subject, newKey.Public(), zero.cert.Subject,
		ExtBasicConstraints(true, 0), ExtKeyUsage(KeyCertSign, true), ExtSKI(KeyID(newKey.Public())), ExtAKI(zero.cert.SKI)))}
	leaf := rolled.leaf(t, P256, "张三")
	wantPath(t, leaf, options(certs(root.cert), certs(zero.cert, rolled.cert)), leaf, rolled.cert, zero.cert, root.cert)
}

func TestPathDepth(t *testing.T) {
	ca := newRoot(t, P256, "Root")
	root, all := ca.cert, []*Certificate(nil)
	for _, cn := range []string{"1", "2", "3", "4", "5", "6"} {
		ca = ca.sub(t, P256, cn, -1)
		all = append(all, ca.cert)
	}
	leaf := ca.leaf(t, P256, "张三") // with root and six CAs: eight
	o := options(certs(root), all)
	if path, err := BuildPath(leaf, o); err != nil || len(path) != 8 {
		t.Fatalf("%d certificates: %v", len(path), err)
	}
	o.MaxDepth = 7
	wantCode(t, leaf, o, "too_deep")
}

// cross certifies the key and name of ca by by.
func cross(t *testing.T, by, ca authority) *Certificate {
	t.Helper()
	return issue(t, by.key, template(t, by.key, by.cert.Subject, ca.key.Public(), ca.cert.Subject,
		ExtBasicConstraints(true, -1), ExtKeyUsage(KeyCertSign, true), ExtSKI(ca.cert.SKI), ExtAKI(by.cert.SKI)))
}

func TestPathCrossAndLoop(t *testing.T) {
	a, b := newRoot(t, SM2, "A"), newRoot(t, P256, "B")
	ab, ba := cross(t, a, b), cross(t, b, a) // A vouches for B and B for A
	leaf := b.leaf(t, P256, "张三")
	wantPath(t, leaf, options(certs(a.cert), certs(ab, ba)), leaf, ab, a.cert)
	wantPath(t, leaf, options(certs(b.cert), certs(ab, ba)), leaf, b.cert)
	wantCode(t, leaf, options(nil, certs(ab, ba)), "no_path") // only the loop
	wantCode(t, leaf, options(nil, certs(ab, ba, a.cert, b.cert)), "no_path")
}

// TestPathWorkIsBounded crosses many CAs with each other: without a bound the search would take factorial time.
func TestPathWorkIsBounded(t *testing.T) {
	var cas []authority
	for _, cn := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		cas = append(cas, newRoot(t, P256, cn))
	}
	var all []*Certificate
	for i := range cas {
		for j := range cas {
			if i != j {
				all = append(all, cross(t, cas[i], cas[j]))
			}
		}
	}
	leaf := cas[0].leaf(t, P256, "张三")
	o := options(certs(newRoot(t, P256, "elsewhere").cert), all)
	if _, err := BuildPath(leaf, o); err == nil {
		t.Fatal("a path to nowhere")
	}
	s := &search{o: o}
	s.o.MaxDepth = defaultDepth
	s.extend([]*Certificate{leaf})
	if s.checked > 2*maxSignatures {
		t.Fatalf("%d signatures", s.checked)
	}
}

func TestPathCriticalExtension(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	unknown := Extension{"1.2.3.4.5", true, derNull}
	wantCode(t, root.leaf(t, SM2, "张三", unknown), options(certs(root.cert), nil), "critical_extension")
	ca := root.sub(t, SM2, "Issuing", -1, unknown)
	wantCode(t, ca.leaf(t, SM2, "张三"), options(certs(root.cert), certs(ca.cert)), "critical_extension")
	unknown.Critical = false
	leaf := root.leaf(t, SM2, "李四", unknown)
	wantPath(t, leaf, options(certs(root.cert), nil), leaf, root.cert)
}

func TestPathWeakKey(t *testing.T) {
	root := newRoot(t, P256, "Root")
	short := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}
	tpl := template(t, root.key, root.cert.Subject, short, name(t, "short"))
	wantCode(t, issue(t, root.key, tpl), options(certs(root.cert), nil), "weak_key")
}

// subtree makes a GeneralSubtree.
func subtree(kind byte, constructed bool, data []byte) []byte {
	return tlv(tagSequence, tlv(context(kind, constructed), data))
}

func constraints(permitted, excluded []byte) Extension {
	var body []byte
	if permitted != nil {
		body = append(body, tlv(context(0, true), permitted)...)
	}
	if excluded != nil {
		body = append(body, tlv(context(1, true), excluded)...)
	}
	return Extension{OIDNameConstraints, true, tlv(tagSequence, body)}
}

func TestPathNameConstraints(t *testing.T) {
	root := newRoot(t, P256, "Root")
	dns := func(s string) []byte { return subtree(nameDNS, false, []byte(s)) }
	here := must[Name](t)(NewName(Attr{OIDCountry, "CN"}, Attr{OIDProvince, "浙江省"}))
	there := must[Name](t)(NewName(Attr{OIDCountry, "CN"}, Attr{OIDProvince, "江苏省"}))
	dir := func(n Name) []byte { return subtree(nameDirectory, true, n.DER()) }
	san := func(names ...string) Extension { return must[Extension](t)(ExtSAN(names...)) }
	uri := Extension{OIDSubjectAltName, false, tlv(tagSequence, tlv(context(nameURI, false), []byte("http://x.example.cn")))}
	mail := func(s string) Extension {
		return Extension{OIDSubjectAltName, false, tlv(tagSequence, tlv(context(nameEmail, false), []byte(s)))}
	}
	for _, c := range []struct {
		what string
		nc   Extension
		leaf []Extension
		ok   bool
	}{
		{"inside", constraints(dns("example.cn"), nil), []Extension{san("www.example.cn", "EXAMPLE.cn")}, true},
		{"outside", constraints(dns("example.cn"), nil), []Extension{san("www.example.cn", "www.example.com")}, false},
		{"only the end is the same", constraints(dns("example.cn"), nil), []Extension{san("notexample.cn")}, false},
		{"excluded", constraints(nil, dns("bad.example.cn")), []Extension{san("x.bad.example.cn")}, false},
		{"wildcard above an excluded host", constraints(nil, dns("bad.example.cn")), []Extension{san("*.example.cn")}, false},
		{"wildcard beside an excluded host", constraints(nil, dns("bad.example.cn")), []Extension{san("*.good.example.cn")}, true},
		{"wildcard inside", constraints(dns("example.cn"), nil), []Extension{san("*.example.cn")}, true},
		{"no name of that kind", constraints(dns("example.cn"), nil), nil, true},
		{"directory inside", constraints(dir(here), nil), nil, true},
		{"directory outside", constraints(dir(there), nil), nil, false},
		{"directory excluded", constraints(nil, dir(here)), nil, false},
		{"directory not excluded", constraints(nil, dir(there)), nil, true},
		{"constrained but not understood", constraints(subtree(nameURI, false, []byte(".example.cn")), nil), []Extension{uri}, false},
		{"not understood and not there", constraints(subtree(nameURI, false, []byte(".example.cn")), nil), nil, true},
		{"address inside", constraints(subtree(nameIP, false, []byte{192, 0, 2, 0, 255, 255, 255, 0}), nil), []Extension{san("192.0.2.9")}, true},
		{"address outside", constraints(subtree(nameIP, false, []byte{192, 0, 2, 0, 255, 255, 255, 0}), nil), []Extension{san("192.0.3.9")}, false},
		{"address of the other family", constraints(subtree(nameIP, false, []byte{192, 0, 2, 0, 255, 255, 255, 0}), nil), []Extension{san("2001:db8::1")}, false},
		{"mailbox of the host", constraints(subtree(nameEmail, false, []byte("example.cn")), nil), []Extension{mail("a@Example.cn")}, true},
		{"mailbox of a host below", constraints(subtree(nameEmail, false, []byte("example.cn")), nil), []Extension{mail("a@b.example.cn")}, false},
		{"mailbox below the dot", constraints(subtree(nameEmail, false, []byte(".example.cn")), nil), []Extension{mail("a@b.example.cn")}, true},
		{"mailbox itself", constraints(subtree(nameEmail, false, []byte("a@example.cn")), nil), []Extension{mail("b@example.cn")}, false},
	} {
		ca := root.sub(t, P256, "Issuing", -1, c.nc)
		leaf := ca.leaf(t, P256, "张三", c.leaf...)
		o := options(certs(root.cert), certs(ca.cert))
		t.Log(c.what)
		if c.ok {
			wantPath(t, leaf, o, leaf, ca.cert, root.cert)
		} else {
			wantCode(t, leaf, o, "name_mismatch")
		}
	}
}
