package verify

import (
	"testing"

	"signet/ca/cms"
	"signet/ca/pki"
)

// BenchmarkVerify judges signatures of 4 KiB whole: signature, path to the root, usage, time, revocation from the store; beside the verification
// of the one signature. A verdict needs two more: those of the CAs on the leaf and on each other.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b.Run(string(alg), func(b *testing.B) {
			w := newBench(b, alg)
			h := w.issue(w.own, "org-sign", alg)
			content := make([]byte, 4<<10)
			sig, sigAlg := w.raw(h, content), h.cert.SigAlg
			limit := judged(b, "raw-operation", 0, func() error { return pki.Verify(h.cert.PublicKey, sigAlg, content, sig) })
			judge := func(q Request) func() error {
				return func() error {
					r, err := w.v.Verify(b.Context(), q)
					if err == nil && r.Verdict != Valid {
						b.Errorf("%s: %+v", r.Verdict, r.Reasons)
					}
					return err
				}
			}
			judged(b, "raw", limit, judge(Request{Type: TypeRaw, Signature: sig, Content: content, Certificate: h.cert.Raw}))
			judged(b, "cms", limit, judge(Request{Type: TypeCMS, Signature: w.sign(h, content, cms.SignOptions{})}))
		})
	}
}

// judged runs f on all cores, and gives the verdicts a second.
func judged(b *testing.B, name string, limit float64, f func() error) (rate float64) {
	b.Run(name, func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := f(); err != nil {
					b.Error(err)
				}
			}
		})
		rate = float64(b.N) / b.Elapsed().Seconds()
		if limit > 0 {
			b.ReportMetric(rate/limit, "of_limit")
		}
	})
	return rate
}
