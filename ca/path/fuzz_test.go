package path

import (
	"testing"

	"signet/ca/pki"
)

// FuzzEvidence: whatever is given as CRL or OCSP answer, nothing panics and nothing forged settles anything.
func FuzzEvidence(f *testing.F) {
	w := newWorld(f, pki.P256)
	ca := w.ca(w.root, "CA")
	leaf := w.leaf(ca, "EE", with(pointsTo("http://crl.test/here")))
	real := [][]byte{w.crl(w.root), w.crl(ca)}
	f.Add(real[1])
	f.Add(w.crl(ca, revokes(leaf, reason(1)), revokes(w.root, unknownExt(false))))
	f.Add(w.crl(ca, crlWith(deltaTo(1), issuingPoint("http://crl.test/here", flag(4))), revokes(leaf, entryOf(ca))))
	f.Add(w.answer(leaf, ca, ca, nil))
	f.Add(w.answer(leaf, ca, w.leaf(ca, "R", with(must(pki.ExtEKU(pki.EKUOCSPSigning)))), func(a *answer) { a.status = isRevoked() }))
	base := Options{At: now, Roots: []*pki.Certificate{w.root.cert}, Intermediates: []*pki.Certificate{ca.cert}}
	f.Fuzz(func(t *testing.T, der []byte) {
		o := base
		o.CRLs, o.OCSP = [][]byte{real[0], der}, [][]byte{der}
		if r := Verify(leaf.cert, o); !r.Valid && len(r.Reasons) == 0 {
			t.Error("refused without a reason")
		}
	})
}

// FuzzExtensions: whatever a CA puts into the extensions that are read here, nothing panics, and a refusal has a reason.
func FuzzExtensions(f *testing.F) {
	w := newWorld(f, pki.P256)
	oids := []string{pki.OIDPolicies, oidPolicyMappings, oidPolicyConstraints, oidInhibitAny, pki.OIDSubjectAltName, pki.OIDIssuerAltName, pki.OIDNameConstraints, pki.OIDCRLPoints}
	f.Add(byte(0), certPolicies("1.2.3", AnyPolicy).Value)
	f.Add(byte(1), sequence(sequence(mustOID("1.2.3"), mustOID("1.2.4"))))
	f.Add(byte(2), sequence(tagged(implicit(0), []byte{1}), tagged(implicit(1), []byte{0})))
	f.Add(byte(3), integer(3))
	f.Add(byte(4), altNames(uri("https://a.test/"), general(nameDNS, "*.a.test"), general(nameEmail, "a@b.test"), directory(name("x"))).Value)
	f.Add(byte(6), subtrees([][]byte{general(nameDNS, "a.test")}, [][]byte{directory(name("x")), general(nameIP, "\x0a\x00\x00\x00\xff\x00\x00\x00")}).Value)
	f.Add(byte(7), pointOf(fullName(uri("http://a.test")), someReasons(1, 0x60), crlIssuer(w.root)).Value)
	f.Fuzz(func(t *testing.T, which byte, value []byte) {
		if len(value) > 2000 {
			return
		}
		here := *w
		here.t = t
		unreadable := func(s *certSpec) { s.unreadable = true }
		e := with(pki.Extension{OID: oids[int(which)%len(oids)], Value: value})
		ca := here.ca(w.root, "CA", e, unreadable)
		leaf := here.leaf(ca, "EE", e, unreadable)
		if ca.cert == nil || leaf.cert == nil {
			return
		}
		r := Verify(leaf.cert, Options{At: now, Roots: []*pki.Certificate{w.root.cert}, Intermediates: []*pki.Certificate{ca.cert}, CRLs: [][]byte{here.crl(w.root), here.crl(ca)}})
		if r.Valid == (len(r.Reasons) > 0) {
			t.Errorf("%v with reasons %v", r.Valid, r.Reasons)
		}
	})
}
