package path

import (
	"crypto"
	"slices"
	"testing"

	"signet/ca/pki"
)

// An ML-DSA root above an SM2 or ECDSA CA, with a list by the root and one by the CA (docs/decisions/0010).
func TestHybridChain(t *testing.T) {
	for _, root := range []pki.KeyAlg{pki.MLDSA44, pki.MLDSA65, pki.MLDSA87} {
		for _, below := range []pki.KeyAlg{pki.SM2, pki.P256} {
			t.Run(string(root)+" over "+string(below), func(t *testing.T) { testHybrid(t, root, below) })
		}
	}
}

func testHybrid(t *testing.T, rootAlg, below pki.KeyAlg) {
	w := newWorld(t, rootAlg)
	root := w.root
	w.alg = below
	ca := w.ca(root, "CA")
	leaf := w.leaf(ca, "leaf")
	o := Options{At: now, Roots: []*pki.Certificate{root.cert}, Intermediates: []*pki.Certificate{ca.cert}}
	if r := Verify(leaf.cert, o); !r.Valid || len(r.Path) != 3 {
		t.Fatalf("%v", r.Reasons)
	}

	refused := func(what string, code Code, leaf, ca *entity, roots ...*pki.Certificate) {
		t.Helper()
		o := Options{At: now, Roots: roots, Intermediates: []*pki.Certificate{ca.cert}}
		r := Verify(leaf.cert, o)
		if r.Valid || !slices.ContainsFunc(r.Reasons, func(why Reason) bool { return why.Code == code }) {
			t.Errorf("%s: valid %v, %v", what, r.Valid, r.Reasons)
		}
	}
	forged := w.ca(root, "CA", badlySigned)
	refused("a CA with another's signature", BadSignature, leaf, forged, root.cert)
	cut := w.ca(root, "CA", func(s *certSpec) {
		s.sign = func(k crypto.Signer, alg pki.SigAlg, tbs []byte) []byte {
			sig := honest(k, alg, tbs)
			return sig[:len(sig)-1]
		}
	})
	refused("a CA with a short signature", BadSignature, leaf, cut, root.cert)
	w.alg = rootAlg
	stranger := w.selfSigned("Root", func(s *certSpec) { s.key = w.key("stranger") }) // an anchor's own signature is not looked at
	refused("a root of that name with another key", BadSignature, leaf, ca, stranger.cert)
}

func TestHybridRevocation(t *testing.T) {
	w := newWorld(t, pki.MLDSA65)
	root := w.root
	w.alg = pki.SM2
	ca := w.ca(root, "CA")
	leaf := w.leaf(ca, "leaf")
	o := Options{At: now, Roots: []*pki.Certificate{root.cert}, Intermediates: []*pki.Certificate{ca.cert}}
	o.CRLs = [][]byte{w.crl(root), w.crl(ca)}
	if r := Verify(leaf.cert, o); !r.Valid {
		t.Fatalf("with lists: %v", r.Reasons)
	}
	o.CRLs = [][]byte{w.crl(ca)}
	if r := Verify(leaf.cert, o); r.Valid || r.Reasons[0].Code != RevocationUnknown {
		t.Errorf("without the root's list: %v", r.Reasons)
	}
	forged := slices.Clone(w.crl(root))
	forged[len(forged)-1] ^= 1
	o.CRLs = [][]byte{forged, w.crl(ca)}
	if r := Verify(leaf.cert, o); r.Valid || r.Reasons[0].Code != RevocationUnknown {
		t.Errorf("with the root's list changed: %v", r.Reasons)
	}
}
