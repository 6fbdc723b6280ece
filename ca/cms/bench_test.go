package cms

import (
	"crypto/rand"
	"testing"

	"signet/ca/pki"
)

// beside runs f on all cores, and gives the operations a second; with a limit also the share of it.
func beside(b *testing.B, name string, limit float64, f func()) (rate float64) {
	b.Run(name, func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				f()
			}
		})
		rate = float64(b.N) / b.Elapsed().Seconds()
		if limit > 0 {
			b.ReportMetric(rate/limit, "of_limit")
		}
	})
	return rate
}

// BenchmarkCMS makes and reads messages of 4 KiB, beside the one operation with a key that each of them is about: a signature that is verified
// before it leaves, its verification, and the key's way into and out of an envelope.
func BenchmarkCMS(b *testing.B) {
	content := make([]byte, 4<<10)
	for _, c := range []struct {
		alg   string
		style Style
	}{{"SM2", GMT0010}, {"P-256", RFC5652}} {
		b.Run(c.alg, func(b *testing.B) {
			h := holders()[c.alg]
			alg := must(pki.SigAlgFor(h.cert.PublicKey))
			sig := must(pki.Sign(rand.Reader, h.key, alg, content))
			signed := must(Sign(rand.Reader, h.key, h.cert, content, SignOptions{Style: c.style}))
			limit := beside(b, "raw-sign", 0, func() { must(pki.Sign(rand.Reader, h.key, alg, content)) })
			beside(b, "sign", limit, func() { must(Sign(rand.Reader, h.key, h.cert, content, SignOptions{Style: c.style})) })
			limit = beside(b, "raw-verify", 0, func() { check(pki.Verify(h.cert.PublicKey, alg, content, sig)) })
			beside(b, "verify", limit, func() { must(must(ParseSigned(signed)).Verify(nil, nil)) })
		})
	}
	b.Run("SM2-envelope", benchmarkEnvelope)
}

func benchmarkEnvelope(b *testing.B) {
	h := holders()["SM2"]
	key := sm2Key(b, h)
	content, contentKey := make([]byte, 4<<10), make([]byte, 16)
	to := []*pki.Certificate{h.cert}
	wrapped := must(key.PublicKey().Encrypt(rand.Reader, contentKey))
	enveloped := must(Encrypt(rand.Reader, content, to, GMT0010))
	limit := beside(b, "raw-encrypt", 0, func() { must(key.PublicKey().Encrypt(rand.Reader, contentKey)) })
	beside(b, "encrypt", limit, func() { must(Encrypt(rand.Reader, content, to, GMT0010)) })
	limit = beside(b, "raw-decrypt", 0, func() { must(key.Decrypt(nil, wrapped, nil)) })
	beside(b, "decrypt", limit, func() { must(must(ParseEnveloped(enveloped)).Open(h.cert, h.decrypter())) })
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
