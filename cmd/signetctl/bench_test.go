package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

// BenchmarkIssue measures how many SM2 certificates a second the authority issues over a real database: drafted, linted,
// intended, signed, checked, recorded, each with its audit entries, everything durable. Beside it stands the limit: the same
// certificate drafted, signed and assembled in memory, unchecked, by as many goroutines in the same run. It is here because only a
// command's folder may see both the authority and the database.
func BenchmarkIssue(b *testing.B) {
	limits := map[int]float64{}
	b.Run("limit", func(b *testing.B) {
		bare := newBareMaker(b)
		for _, issuers := range issuerCounts {
			b.Run(strconv.Itoa(issuers), func(b *testing.B) { limits[issuers] = measure(b, issuers, bare.one) })
		}
	})
	for _, database := range []struct {
		name string
		open func(testing.TB, ...storetest.Option) *store.DB
	}{{"sqlite", storetest.Open}, {"mariadb", storetest.OpenMariaDB}} {
		b.Run(database.name, func(b *testing.B) {
			tree := catest.HierarchyWith(b, pki.SM2, catest.Options{Store: database.open(b).CA()})
			for _, issuers := range issuerCounts {
				b.Run(strconv.Itoa(issuers), func(b *testing.B) {
					rate := measure(b, issuers, issueOne(b, tree))
					if limits[issuers] > 0 { // -bench may have left the limit out
						b.ReportMetric(rate/limits[issuers], "of_limit")
					}
				})
			}
		})
	}
}

var issuerCounts = []int{1, 8, 64}

// issueOne gives what issues the i-th certificate: each to a new key, as no key is certified twice.
func issueOne(b *testing.B, tree *catest.Tree) func(i int) error {
	template := tree.Request(b, "bench", "org-sign", catest.Key(b, pki.SM2))
	keys := freshKeys(b, b.N)
	run := rand.Text() // the database keeps the requests of other rounds
	return func(i int) error {
		request := template
		request.ID, request.SPKI = ca.RequestID(fmt.Sprintf("bench/%s/%d", run, i)), keys[i]
		_, err := tree.Authority.Issue(context.Background(), request)
		return err
	}
}

// bareMaker makes certificates like a model that was really issued, with the same extensions.
type bareMaker struct {
	tree  *catest.Tree
	model *pki.Certificate
	keys  [][]byte
}

func newBareMaker(b *testing.B) *bareMaker {
	tree := catest.Hierarchy(b, pki.SM2)
	issued, err := tree.Authority.Issue(b.Context(), tree.Request(b, "model", "org-sign", catest.Key(b, pki.SM2)))
	if err != nil {
		b.Fatal(err)
	}
	model, err := pki.ParseCertificate(issued.DER)
	if err != nil {
		b.Fatal(err)
	}
	return &bareMaker{tree, model, freshKeys(b, 256)}
}

func (m *bareMaker) one(i int) error {
	serial, err := pki.NewSerial(rand.Reader)
	if err != nil {
		return err
	}
	tbs, err := m.draft(serial, m.keys[i%len(m.keys)])
	if err != nil {
		return err
	}
	digest, options, err := pki.Digest(m.tree.IssuingKey.Public(), m.model.SigAlg, tbs)
	if err != nil {
		return err
	}
	sig, err := m.tree.IssuingKey.Sign(rand.Reader, digest, options)
	if err != nil {
		return err
	}
	_, err = pki.Assemble(tbs, m.model.SigAlg, sig)
	return err
}

func (m *bareMaker) draft(serial, spki []byte) ([]byte, error) {
	key, err := pki.ParsePublicKey(spki)
	if err != nil {
		return nil, err
	}
	subject, err := pki.NewName(m.model.Subject.Attrs()...)
	if err != nil {
		return nil, err
	}
	extensions := slices.Clone(m.model.Extensions)
	for i, e := range extensions {
		if e.OID == pki.OIDSubjectKeyID {
			extensions[i] = pki.ExtSKI(pki.KeyID(key))
		}
	}
	return pki.Template{
		Serial: serial, Issuer: m.tree.Issuing.Subject, Subject: subject, NotBefore: m.model.NotBefore, NotAfter: m.model.NotAfter,
		SPKI: spki, SigAlg: m.model.SigAlg, Extensions: extensions,
	}.TBS()
}

func freshKeys(b *testing.B, n int) [][]byte {
	b.Helper()
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = catest.SPKI(b, catest.Key(b, pki.SM2))
	}
	return keys
}

// measure has so many goroutines do b.N times one thing, and gives the rate per second.
func measure(b *testing.B, issuers int, one func(i int) error) float64 {
	b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range issuers {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
				if err := one(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "certs/s")
	return rate
}
