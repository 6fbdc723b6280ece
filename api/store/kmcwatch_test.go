package store_test

import (
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/kmc"
)

func TestEscrowWatch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		now := db.Now().UTC().Truncate(time.Second)
		issued := now.Add(-time.Hour)
		insert := func(request, serial string, at, until time.Time) {
			t.Helper()
			err := db.Tx(ctx, func(tx *store.Tx) error {
				return tx.DB().Exec(`INSERT INTO ca_certificates (ca, serial_hex, request_id, profile, subject, der, not_before_at, not_after_at, spki_hash, pair_id, issued_at, asked_by)
 VALUES ('sm2', ?, ?, 'p', 's', ?, ?, ?, ?, '', ?, 'test')`, serial, []byte(request), []byte{1}, store.Millis(at), store.Millis(until), []byte(serial + "00000000000000000000000000000000")[:32], store.Millis(at)).Error
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		insert("a/sign", "01", issued, now.Add(time.Hour))
		insert("a/enc", "02", issued, now.Add(time.Hour))
		insert("b/enc", "03", issued, now.Add(-time.Minute))
		insert("c/enc", "04", issued, now.Add(time.Hour))
		insert("d/enc", "05", now, now.Add(time.Hour)) // too new to be sure that nothing comes before it
		w := db.EscrowWatch()
		var seen []string
		for {
			list, next, err := w.Issued(ctx, now, 2)
			if err != nil {
				t.Fatal(err)
			}
			if next == 0 {
				break
			}
			for _, one := range list {
				seen = append(seen, one.Request+" "+one.Serial)
			}
			for range 2 { // as two servers do
				if err := w.Taken(ctx, list, next); err != nil {
					t.Fatal(err)
				}
			}
		}
		equal(t, "issued", seen, []string{"a 02", "b 03", "c 04"})

		revoke := func(serial string, reason int) {
			t.Helper()
			err := db.Tx(ctx, func(tx *store.Tx) error {
				return tx.DB().Exec("INSERT INTO ca_revocations (ca, serial_hex, reason, revoked_at, invalid_at, not_after_at, asked_by, note) VALUES ('sm2', ?, ?, ?, 0, 0, 'test', '')",
					serial, reason, store.Millis(now.Add(-2*time.Minute))).Error
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		revoke("02", 6) // a hold is no end
		revoke("04", 4)
		ended := func() (serials []string) {
			t.Helper()
			list, err := w.Ended(ctx, now, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list {
				serials = append(serials, one.Serial+" "+one.EndsAt.Sub(now).String())
			}
			return serials
		}
		equal(t, "ended", ended(), []string{"03 -1m0s", "04 -2m0s"})
		if err := w.Over(ctx, "sm2", "03"); err != nil {
			t.Fatal(err)
		}
		equal(t, "ended and not over", ended(), []string{"04 -2m0s"})
	})
}

func TestKMCNotices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := kmc.Notice{Case: "c1", Kind: kmc.JudicialRecovery, Holder: "org_1", SPKIHash: "ab", At: db.Now().UTC().Truncate(time.Second)}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return store.KeepKMCNotice(tx, n, 0) }); err != nil {
			t.Fatal(err)
		}
		list, told, err := db.KMC().KMCNotices(t.Context(), 10)
		if err != nil || len(list) != 1 || list[0] != n || told[0] != 0 {
			t.Errorf("%+v %v %v", list, told, err)
		}
	})
}
