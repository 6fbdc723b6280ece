package store_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"signet/api/store"
	"signet/api/store/storetest"
)

// TestAuditRangeAndFile: a part of the chain is verified by itself, here and as an exported file; one entry changed in either is named.
func TestAuditRangeAndFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 6 {
			ok(db.Tx(ctx, func(tx *store.Tx) error {
				return tx.Audit("acc_1", "order.confirm", "ord_1", map[string]any{"note": "<=1+1> 公司\u2028"})
			}))
		}
		proof, err := db.VerifyAuditRange(ctx, 2, 4)
		if err != nil || proof.First != 2 || proof.Last != 4 {
			t.Fatalf("got %+v, %v", proof, err)
		}
		whole, err := db.VerifyAuditRange(ctx, 1, 0)
		if err != nil || whole.First != 1 || whole.Last != 6 {
			t.Fatalf("got %+v, %v", whole, err)
		}

		var all, part bytes.Buffer
		ok(db.ExportAudit(ctx, &all, 1, 0))
		ok(db.ExportAudit(ctx, &part, 3, 5))
		if got, err := db.VerifyAuditFile(bytes.NewReader(all.Bytes())); err != nil || got != whole {
			t.Errorf("the whole file: %+v, %v", got, err)
		}
		if got, err := db.VerifyAuditFile(bytes.NewReader(part.Bytes())); err != nil || got.First != 3 || got.Last != 5 {
			t.Errorf("a part: %+v, %v", got, err)
		}
		broken := func(name, text string, seq int64) {
			t.Helper()
			var found *store.AuditBroken
			if _, err := db.VerifyAuditFile(strings.NewReader(text)); !errors.As(err, &found) || found.Seq != seq {
				t.Errorf("%s: got %v, want entry %d", name, err, seq)
			}
		}
		lines := strings.SplitAfter(all.String(), "\n")
		broken("changed", strings.Join(lines[:4], "")+strings.Replace(lines[4], "公司", "公可", 1)+lines[5], 5)
		broken("left out", strings.Join(append(append([]string{}, lines[:2]...), lines[3:]...), ""), 3)
		for _, text := range []string{"", "{}x\n", `{"seq":1,"more":2}` + "\n"} {
			if _, err := db.VerifyAuditFile(strings.NewReader(text)); err == nil {
				t.Errorf("%q passes", text)
			}
		}

		ok(db.Tx(ctx, func(tx *store.Tx) error {
			return tx.DB().Exec("UPDATE store_audit SET object = 'ord_2' WHERE seq = 4").Error
		}))
		var found *store.AuditBroken
		if _, err := db.VerifyAuditRange(ctx, 1, 0); !errors.As(err, &found) || found.Seq != 4 {
			t.Errorf("got %v, want entry 4", err)
		}
		if _, err := db.VerifyAuditRange(ctx, 5, 6); err != nil {
			t.Errorf("the entries after the changed one: %v", err)
		}
		if _, err := db.VerifyAuditRange(ctx, 3, 4); !errors.As(err, &found) || found.Seq != 4 {
			t.Errorf("got %v, want entry 4", err)
		}
	})
}
