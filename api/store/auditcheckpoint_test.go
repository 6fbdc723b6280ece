package store_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/tlog"
)

func openLog(t *testing.T, db *store.DB) *tlog.Log {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tlog.New(tlog.Config{Store: db.TLog(), Name: "ca.test/log", Ed25519: private, SM2: catest.Key(t, pki.SM2), Now: db.Now})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestAuditCheckpoints: the head of the chain is signed, logged and exported; a chain that was cut or written anew as a whole is found by it, and
// so is a checkpoint that was tampered with.
func TestAuditCheckpoints(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		act := func(n int) {
			t.Helper()
			for range n {
				ok(db.Tx(ctx, func(tx *store.Tx) error { return tx.Audit("acc_1", "order.confirm", "ord_1", nil) }))
			}
		}
		l := openLog(t, db)
		act(3)
		ok(db.CheckpointAudit(ctx, l, "")) // 1: of entry 3
		list, err := db.AuditCheckpoints(ctx, 0, 10)
		if err != nil || len(list) != 1 || list[0].Seq != 3 || list[0].Index != 0 {
			t.Fatalf("got %+v, %v", list, err)
		}
		ok(db.CheckpointAudit(ctx, l, "")) // nobody acted since
		if list, err = db.AuditCheckpoints(ctx, 0, 10); err != nil || len(list) != 1 {
			t.Fatalf("the log's own work was signed for: %+v, %v", list, err)
		}
		act(2)
		ok(db.CheckpointAudit(ctx, l, "acc_auditor"))
		if n, err := db.CheckAuditCheckpoints(ctx, l); err != nil || n != 2 {
			t.Fatalf("checked %d, %v", n, err)
		}
		if report, err := l.Audit(ctx); err != nil || report.Size != 2 {
			t.Fatalf("the log: %+v, %v", report, err)
		}
		proof, err := l.ProveNote(ctx, 1)
		ok(err)
		ok(proof.Check(list[0].Note, l.Verifiers()...))
		whole, err := db.VerifyAuditRange(ctx, 1, 0)
		if err != nil || whole.Checkpoints != 2 {
			t.Fatalf("got %+v, %v", whole, err)
		}

		var file bytes.Buffer
		ok(db.ExportAudit(ctx, &file, 1, 0))
		for _, keys := range [][]note.Verifier{nil, l.Verifiers()} {
			if got, err := db.VerifyAuditFile(bytes.NewReader(file.Bytes()), keys...); err != nil || got != whole {
				t.Errorf("the file: %+v, %v", got, err)
			}
		}
		broken := func(what, code string, err error) {
			t.Helper()
			var found *store.AuditBroken
			if !errors.As(err, &found) || found.Code != code {
				t.Errorf("%s: got %v, want %s", what, err, code)
			}
		}
		_, err = db.VerifyAuditFile(strings.NewReader(strings.Replace(file.String(), "audit of ca.test", "audit of ca.fake", 1)), l.Verifiers()...)
		broken("a forged checkpoint in a file", "checkpoint", err)

		tamper := func(what, code string, check func() error, statements ...string) {
			t.Helper()
			ok(db.Tx(ctx, func(tx *store.Tx) error {
				for _, s := range statements {
					if err := tx.DB().Exec(s).Error; err != nil {
						return err
					}
				}
				return nil
			}))
			broken(what, code, check())
		}
		signed := func() error { _, err := db.CheckAuditCheckpoints(ctx, l); return err }
		tamper("a checkpoint's row about another entry", "checkpoint", signed, "UPDATE store_audit_checkpoints SET seq = 2 WHERE id = 1")
		tamper("the chain against that row", "checkpoint", func() error { return db.VerifyAudit(ctx) })
		tamper("a checkpoint taken out", "checkpoint", signed, "UPDATE store_audit_checkpoints SET seq = 3 WHERE id = 1", "UPDATE store_audit_checkpoints SET id = 7 WHERE id = 2")
		ok(db.Tx(ctx, func(tx *store.Tx) error {
			return tx.DB().Exec("UPDATE store_audit_checkpoints SET id = 2 WHERE id = 7").Error
		}))
		ok(signed())
		tamper("the chain cut off with its head", "cut", func() error { return db.VerifyAudit(ctx) },
			"DELETE FROM store_audit WHERE seq > 4", "UPDATE store_audit_head SET seq = 4, hash = (SELECT hash FROM store_audit WHERE seq = 4)")
		tamper("the chain begun anew", "cut", func() error { return db.VerifyAudit(ctx) },
			"DELETE FROM store_audit", "UPDATE store_audit_head SET seq = 0, hash = "+zeros)
		act(10) // a new chain, whole in itself and longer than the old one
		broken("the chain written anew", "checkpoint", db.VerifyAudit(ctx))
		broken("signing for it", "checkpoint", func() error {
			_, err := db.VerifyAuditRange(ctx, 3, 0)
			return err
		}())
		if err := db.CheckpointAudit(ctx, l, "acc_auditor"); err == nil {
			t.Error("a chain written anew was signed for")
		}
	})
}

const zeros = "x'0000000000000000000000000000000000000000000000000000000000000000'"

// TestInterruptedCheckpoint: a checkpoint that was kept but not logged is logged by the next run.
func TestInterruptedCheckpoint(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		l := openLog(t, db)
		head := tlog.AuditHead{At: time.Now().UTC().Truncate(time.Second)}
		err := db.Tx(ctx, func(tx *store.Tx) error { return tx.Audit("acc_1", "order.confirm", "ord_1", nil) })
		if err == nil {
			head.Seq, head.Hash, err = db.AuditHead(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		signed, err := l.SignAudit(head)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Tx(ctx, func(tx *store.Tx) error {
			return tx.DB().Exec("INSERT INTO store_audit_checkpoints (id, seq, hash, note, signed_at) VALUES (1, ?, ?, ?, 1000)", head.Seq, head.Hash[:], signed).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := db.CheckAuditCheckpoints(ctx, l); err != nil || n != 1 {
			t.Fatalf("checked %d, %v", n, err)
		}
		if err := db.CheckpointAudit(ctx, l, ""); err != nil {
			t.Fatal(err)
		}
		list, err := db.AuditCheckpoints(ctx, 0, 10)
		if err != nil || len(list) != 1 || list[0].Index != 0 {
			t.Fatalf("got %+v, %v", list, err)
		}
	})
}
