package status_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// million is how many entries the benchmark lists.
const million = 1_000_000

// fileStore yields entries that nobody holds in memory, and keeps pieces in a file.
type fileStore struct {
	fixedStore
	at    time.Time
	n     int
	file  *os.File
	sizes []int
	size  int64
}

func entrySerial(i int) (serial [16]byte) {
	binary.BigEndian.PutUint64(serial[:], uint64(i)<<32|0x0100_0000_0000_0000)
	binary.BigEndian.PutUint64(serial[8:], uint64(i)*0x9e3779b97f4a7c15)
	return serial
}

func (s *fileStore) Revoked(_ context.Context, _ string, _ status.Part, f func(status.Entry) error) (int64, error) {
	const digits = "0123456789ABCDEF"
	var text [32]byte
	for i := range s.n {
		for k, octet := range entrySerial(i) {
			text[2*k], text[2*k+1] = digits[octet>>4], digits[octet&15]
		}
		if err := f(status.Entry{SerialHex: string(text[:]), At: s.at.Add(-time.Duration(i) * time.Second), Reason: 4}); err != nil {
			return 0, err
		}
	}
	return 1, nil
}

func (s *fileStore) KeepCRL(_ context.Context, _ string, _ int64, _ int, der []byte) error {
	s.sizes = append(s.sizes, len(der))
	_, err := s.file.Write(der)
	return err
}

func (s *fileStore) ReadCRL(_ context.Context, _ string, _ int64, f func([]byte) error) error {
	at := int64(0)
	for _, n := range s.sizes {
		piece := make([]byte, n)
		if _, err := s.file.ReadAt(piece, at); err != nil {
			return err
		}
		if err := f(piece); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

func (s *fileStore) SaveCRL(_ context.Context, l status.CRL, _, _ []byte) error {
	s.savedAs, s.size, s.sizes = l.Number, l.Size, nil
	_, err := s.file.Seek(0, 0)
	return err
}

// peak samples how much of the heap is in use while f runs, beyond what was before.
func peak(f func()) (bytes uint64) {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			bytes = max(bytes, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(stop)
	<-done
	return bytes
}

// BenchmarkCRL makes lists of a million entries, signed, linted and kept, beside Go's own library.
func BenchmarkCRL(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b.Run(string(alg), func(b *testing.B) { benchmarkCRL(b, alg) })
	}
	b.Run("library", benchmarkLibrary)
}

func benchmarkCRL(b *testing.B, alg pki.KeyAlg) {
	s := newSite(b, alg)
	file, err := os.Create(filepath.Join(b.TempDir(), "pieces"))
	must(b, err)
	defer file.Close()
	store := &fileStore{fixedStore: fixedStore{Store: s.Store, number: 1}, at: s.clock.at, n: million, file: file}
	cfg := config(s.Tree, s.clock.now)
	cfg.Store = store
	service, err := status.New(cfg)
	must(b, err)
	highest := uint64(0)
	for b.Loop() {
		highest = max(highest, peak(func() {
			store.number++
			must(b, service.PublishCRL(ctx, "issuing"))
		}))
	}
	b.ReportMetric(float64(highest)/(1<<20), "peak_MB")
	b.ReportMetric(float64(store.size)/(1<<20), "list_MB")
}

func benchmarkLibrary(b *testing.B) {
	tree := catest.Hierarchy(b, pki.P256)
	issuer := stdCertificate(b, tree.Issuing)
	highest := uint64(0)
	for b.Loop() {
		highest = max(highest, peak(func() {
			list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: tree.Now(), NextUpdate: tree.Now().Add(time.Hour)}
			for i := range million {
				serial := entrySerial(i)
				list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
					SerialNumber: new(big.Int).SetBytes(serial[:]), RevocationTime: tree.Now().Add(-time.Duration(i) * time.Second), ReasonCode: 4,
				})
			}
			_, err := x509.CreateRevocationList(rand.Reader, list, issuer, tree.IssuingKey)
			must(b, err)
		}))
	}
	b.ReportMetric(float64(highest)/(1<<20), "peak_MB")
}
