package path

import (
	"testing"

	"signet/ca/pki"
)

// BenchmarkVerify validates a leaf below two CAs with CRLs of all, nothing kept from one to the next.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms {
		b.Run(string(alg), func(b *testing.B) {
			w := newWorld(b, alg)
			ca := w.ca(w.root, "CA")
			sub := w.ca(ca, "Sub")
			leaf := w.leaf(sub, "EE", with(certPolicies("1.2.3")))
			o := Options{At: now, Roots: []*pki.Certificate{w.root.cert}, Intermediates: []*pki.Certificate{sub.cert, ca.cert}, CRLs: [][]byte{w.crl(w.root), w.crl(ca), w.crl(sub)}}
			for b.Loop() {
				if r := Verify(leaf.cert, o); !r.Valid {
					b.Fatal(r.Reasons)
				}
			}
		})
	}
}
