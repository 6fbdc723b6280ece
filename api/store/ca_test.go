package store_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/pki"
	"signet/ca/status"
)

// anIntent makes an intent with arbitrary bytes of the usual size.
func anIntent(t testing.TB, request string) ca.Intent {
	t.Helper()
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "示例机构"})
	if err != nil {
		t.Fatal(err)
	}
	random := make([]byte, 16+91+600)
	rand.Read(random)
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	return ca.Intent{
		Request:   ca.Request{ID: ca.RequestID(request), CA: "one", Profile: "org-sign", Subject: name, SPKI: random[16:107], By: "tester"},
		SerialHex: strings.ToUpper(hex.EncodeToString(random[:16])), TBS: random[107:],
		NotAfter: at.AddDate(1, 0, 0), SPKIHash: pki.SPKIHash(random[16:107]), At: at,
	}
}

func aCertificate(in ca.Intent) ca.Certificate {
	return ca.Certificate{
		RequestID: in.Request.ID, CA: in.Request.CA, Profile: in.Request.Profile, SerialHex: in.SerialHex, DER: append([]byte("signed "), in.TBS...),
		NotBefore: in.At, NotAfter: in.NotAfter, SPKIHash: in.SPKIHash, IssuedAt: in.At, By: in.Request.By,
	}
}

// TestNoSerialIsForgotten lets 16 issuers race for few requests, in batches, some
// revoking what they meet. At the end every serial that was ever intended is
// recorded, revoked or open, never two certificates belong to one request, and the
// audit knows each certificate.
func TestNoSerialIsForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const issuers, rounds, requests = 16, 6, 8
		s := db.CA()
		var mu sync.Mutex
		intended := map[string]bool{}
		acked := map[string]string{} // serial → request
		var wg sync.WaitGroup
		for range issuers {
			wg.Go(func() {
				for range rounds {
					var batch []ca.Intent
					for range 1 + mathrand.IntN(3) {
						batch = append(batch, anIntent(t, fmt.Sprint("r", mathrand.IntN(requests))))
					}
					err := s.Intend(t.Context(), batch)
					if err != nil && !errors.Is(err, ca.ErrAlreadyIssued) {
						t.Errorf("intend: %v", err)
					}
					if err != nil {
						continue
					}
					mu.Lock()
					for _, in := range batch {
						intended[in.SerialHex] = true
					}
					mu.Unlock()
					if mathrand.IntN(4) == 0 {
						err := s.Revoke(t.Context(), ca.Revocation{CA: "one", SerialHex: batch[0].SerialHex, Reason: ca.KeyCompromise, At: batch[0].At, By: "tester"})
						if err != nil {
							t.Errorf("revoke: %v", err)
						}
					}
					for _, in := range batch {
						err := s.Record(t.Context(), []ca.Certificate{aCertificate(in)})
						if err == nil {
							mu.Lock()
							acked[in.SerialHex] = string(in.Request.ID)
							mu.Unlock()
						} else if !errors.Is(err, ca.ErrAbandoned) && !errors.Is(err, ca.ErrAlreadyIssued) {
							t.Errorf("record: %v", err)
						}
					}
				}
			})
		}
		wg.Wait()

		open, err := s.OpenIntents(t.Context(), time.Now().AddDate(10, 0, 0), 1000)
		if err != nil {
			t.Fatal(err)
		}
		isOpen := map[string]bool{}
		for _, in := range open {
			isOpen[in.SerialHex] = true
		}
		perRequest := map[string]int{}
		for serial := range intended {
			st, err := s.Lookup(t.Context(), "one", serial)
			if err != nil {
				t.Fatal(err)
			}
			c, err := s.BySerial(t.Context(), "one", serial)
			if err != nil && !errors.Is(err, store.ErrNoCertificate) {
				t.Fatal(err)
			}
			switch {
			case c != nil:
				perRequest[string(c.RequestID)]++
				if acked[serial] != string(c.RequestID) {
					t.Errorf("%s is recorded but was not acknowledged", serial)
				}
			case acked[serial] != "":
				t.Errorf("%s was acknowledged and is not recorded", serial)
			case isOpen[serial] != (st.State == status.Unknown):
				t.Errorf("%s without a certificate is %s, open %v", serial, st.State, isOpen[serial])
			}
		}
		for id, n := range perRequest {
			if n != 1 {
				t.Errorf("request %s has %d certificates", id, n)
			}
		}
		var recorded int64
		if err := db.Read(t.Context()).Table("store_audit").Where("act = ?", "record_certificate").Count(&recorded).Error; err != nil {
			t.Fatal(err)
		}
		if recorded != int64(len(acked)) || len(acked) == 0 {
			t.Errorf("%d audited, %d acknowledged", recorded, len(acked))
		}
		if err := db.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestRequestTwiceInOneBatch: the later attempt abandons the earlier one, as if
// they had come one after the other.
func TestRequestTwiceInOneBatch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := db.CA()
		first, second := anIntent(t, "a"), anIntent(t, "a")
		if err := s.Intend(t.Context(), []ca.Intent{first, second}); err != nil {
			t.Fatal(err)
		}
		if err := s.Record(t.Context(), []ca.Certificate{aCertificate(first)}); !errors.Is(err, ca.ErrAbandoned) {
			t.Errorf("first: %v", err)
		}
		c := aCertificate(second)
		if err := s.Record(t.Context(), []ca.Certificate{c, c}); err != nil {
			t.Errorf("second, twice: %v", err)
		}
		if st, err := s.Lookup(t.Context(), "one", first.SerialHex); err != nil || st.State != status.Revoked {
			t.Errorf("first is %+v, %v", st, err)
		}
	})
}

// TestOldListsAreForgottenNewestIsWhole: bytes of old lists go, the newest stays
// whole however big.
func TestOldListsAreForgottenNewestIsWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := db.CA()
		at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
		big := make([]byte, 5<<20+17) // several rows
		rand.Read(big)
		for n := range int64(15) {
			der := big[n:]
			l := status.CRL{List: "one", Number: 100 + n, ThisUpdate: at, NextUpdate: at.Add(time.Hour), Size: int64(len(der)), Hash: sha256.Sum256(der), Pieces: 4}
			for i := range 4 {
				if err := s.KeepCRL(t.Context(), "one", l.Number, i+1, der[10+i<<20:10+(i+1)<<20]); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.SaveCRL(t.Context(), l, der[:10], der[10+4<<20:]); err != nil {
				t.Fatal(err)
			}
		}
		got, der, err := status.LoadCRL(t.Context(), s, "one")
		if err != nil || got.Number != 114 || string(der) != string(big[14:]) {
			t.Fatalf("number %d, %d bytes, %v", got.Number, len(der), err)
		}
		var kept int64
		if err := db.Read(t.Context()).Table("ca_crl_parts").Distinct("number").Count(&kept).Error; err != nil || kept != 10 || count(t, db, "ca_crls") != 15 {
			t.Errorf("%d lists kept, %v", kept, err)
		}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return tx.DB().Exec("DELETE FROM ca_crl_parts WHERE number = 114 AND part = 2").Error
		}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := status.LoadCRL(t.Context(), s, "one"); err == nil {
			t.Error("a damaged list was handed out")
		}
	})
}

func TestByPair(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := db.CA()
		for _, id := range []string{"sign", "enc", "lone"} {
			in := anIntent(t, id)
			if err := s.Intend(t.Context(), []ca.Intent{in}); err != nil {
				t.Fatal(err)
			}
			c := aCertificate(in)
			if id != "lone" {
				c.PairID = "pair_1"
			}
			if err := s.Record(t.Context(), []ca.Certificate{c}); err != nil {
				t.Fatal(err)
			}
		}
		pair, err := s.ByPair(t.Context(), "pair_1")
		if err != nil || len(pair) != 2 || pair[0].RequestID != "sign" || pair[1].RequestID != "enc" {
			t.Errorf("%+v, %v", pair, err)
		}
		if none, err := s.ByPair(t.Context(), ""); err != nil || len(none) != 0 {
			t.Errorf("%d, %v", len(none), err)
		}
	})
}

// BenchmarkIssueRows measures intent and record, audit included, of batches as
// group commit makes them.
func BenchmarkIssueRows(b *testing.B) {
	for _, dialect := range []struct {
		name string
		open func(testing.TB, ...storetest.Option) *store.DB
	}{{"sqlite", storetest.Open}, {"mariadb", storetest.OpenMariaDB}} {
		for _, size := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/batch=%d", dialect.name, size), func(b *testing.B) {
				s := dialect.open(b).CA()
				n := 0
				for b.Loop() {
					intents := make([]ca.Intent, size)
					certs := make([]ca.Certificate, size)
					for i := range intents {
						n++
						intents[i] = anIntent(b, fmt.Sprint("r", n))
						certs[i] = aCertificate(intents[i])
					}
					if err := s.Intend(b.Context(), intents); err != nil {
						b.Fatal(err)
					}
					if err := s.Record(b.Context(), certs); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "certs/s")
			})
		}
	}
}

// BenchmarkLookup measures the question behind each OCSP answer.
func BenchmarkLookup(b *testing.B) {
	s := storetest.Open(b).CA()
	in := anIntent(b, "r")
	if err := s.Intend(b.Context(), []ca.Intent{in}); err != nil {
		b.Fatal(err)
	}
	if err := s.Record(b.Context(), []ca.Certificate{aCertificate(in)}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if st, err := s.Lookup(b.Context(), "one", in.SerialHex); err != nil || st.State != status.Good {
			b.Fatal(st, err)
		}
	}
}
