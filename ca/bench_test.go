package ca_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"testing"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

// BenchmarkIssue is the whole spine with a store in memory: what remains is drafting, linting, signing, checking.
func BenchmarkIssue(b *testing.B) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		for _, issuers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", alg, issuers), func(b *testing.B) { benchmarkIssue(b, alg, issuers) })
		}
	}
}

func benchmarkIssue(b *testing.B, alg pki.KeyAlg, issuers int) {
	tree := catest.Hierarchy(b, alg)
	spkis := freshSPKIs(b, alg, b.N)
	template := tree.Request(b, "bench", "org-sign", catest.Key(b, alg))
	var next atomic.Int64
	done := make(chan error, issuers)
	b.ResetTimer()
	for range issuers {
		go func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					done <- nil
					return
				}
				req := template
				req.ID, req.SPKI = ca.RequestID(fmt.Sprint("bench-", i)), spkis[i]
				if _, err := tree.Authority.Issue(context.Background(), req); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range issuers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "certs/s")
}

func freshSPKIs(b *testing.B, alg pki.KeyAlg, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = catest.SPKI(b, catest.Key(b, alg))
	}
	return out
}

// BenchmarkCreateLimit is the least that making a certificate takes: draft and sign, nothing checked, nothing kept.
func BenchmarkCreateLimit(b *testing.B) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b.Run(string(alg), func(b *testing.B) {
			tree := catest.Hierarchy(b, alg)
			subject, spki := catest.Name(b, "示例"), catest.SPKI(b, catest.Key(b, alg))
			sigAlg, err := pki.SigAlgFor(tree.Issuing.PublicKey)
			if err != nil {
				b.Fatal(err)
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := createBare(tree.Issuing, tree.IssuingKey, sigAlg, subject, spki); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "certs/s")
		})
	}
}

func createBare(issuer *pki.Certificate, key crypto.Signer, alg pki.SigAlg, subject pki.Name, spki []byte) error {
	serial, err := pki.NewSerial(rand.Reader)
	if err != nil {
		return err
	}
	tbs, err := pki.Template{
		Serial: serial, Issuer: issuer.Subject, Subject: subject, NotBefore: issuer.NotBefore, NotAfter: issuer.NotAfter, SPKI: spki, SigAlg: alg,
		Extensions: []pki.Extension{pki.ExtKeyUsage(pki.SigningUsage, true), pki.ExtSKI(issuer.SKI), pki.ExtAKI(issuer.SKI)},
	}.TBS()
	if err != nil {
		return err
	}
	digest, opts, err := pki.Digest(key.Public(), alg, tbs)
	if err != nil {
		return err
	}
	sig, err := key.Sign(rand.Reader, digest, opts)
	if err != nil {
		return err
	}
	_, err = pki.Assemble(tbs, alg, sig)
	return err
}
