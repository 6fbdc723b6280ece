package store_test

import (
	"context"
	"fmt"
	"testing"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
)

// TestPage walks the stored certificates in pages of every size: each once, in order, with what the audit knows of it.
func TestPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, s := context.Background(), db.CA()
		const count = 7
		var serials []string
		for i := range count {
			in := anIntent(t, fmt.Sprint("page-", i))
			if err := s.Intend(ctx, []ca.Intent{in}); err != nil {
				t.Fatal(err)
			}
			if err := s.Record(ctx, []ca.Certificate{aCertificate(in)}); err != nil {
				t.Fatal(err)
			}
			serials = append(serials, in.SerialHex)
		}
		open := anIntent(t, "never signed")
		if err := s.Intend(ctx, []ca.Intent{open}); err != nil {
			t.Fatal(err)
		}
		behind := func(statement string, args ...any) {
			t.Helper()
			if err := db.Tx(ctx, func(tx *store.Tx) error { return tx.DB().Exec(statement, args...).Error }); err != nil {
				t.Fatal(err)
			}
		}
		behind("UPDATE ca_certificates SET der = ? WHERE serial_hex = ?", []byte("other bytes"), serials[2])
		behind("DELETE FROM store_audit WHERE act = 'record_certificate' AND object = ?", "one/"+serials[4])
		for _, size := range []int{1, 3, count, 100} {
			var got []string
			for after := int64(0); ; {
				page, last, err := s.Page(ctx, after, size)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					if last != after {
						t.Fatalf("an empty page moves from %d to %d", after, last)
					}
					break
				}
				if len(page) > size || last <= after {
					t.Fatalf("page of %d, from %d to %d", len(page), after, last)
				}
				for _, c := range page {
					got = append(got, c.SerialHex)
					if wrong := c.SerialHex == serials[2] || c.SerialHex == serials[4]; wrong != (c.Audited != "") {
						t.Errorf("size %d, %s: audit says %q", size, c.SerialHex, c.Audited)
					}
				}
				after = last
			}
			if fmt.Sprint(got) != fmt.Sprint(serials) {
				t.Fatalf("size %d: %v, want %v", size, got, serials)
			}
		}
	})
}
