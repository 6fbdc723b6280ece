package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
)

func audited(t *testing.T, db *store.DB, n int) {
	t.Helper()
	for i := range n {
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return tx.Audit("acct_1", "approve", fmt.Sprintf("app_%d", i), map[string]any{"b": 1, "a": "<中>", "c": struct{ Z, A int }{1, 2}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAuditNamesTheFirstBrokenRow(t *testing.T) {
	harm := []struct {
		name string
		sql  []string
		seq  int64
	}{
		{"flip a fact", []string{"UPDATE store_audit SET facts = '{}' WHERE seq = 4"}, 4},
		{"flip the time", []string{"UPDATE store_audit SET at = at + 1 WHERE seq = 1"}, 1},
		{"flip the actor", []string{"UPDATE store_audit SET actor = 'acct_2' WHERE seq = 3"}, 3},
		{"move text between columns", []string{"UPDATE store_audit SET actor = 'acct_1approve', act = '' WHERE seq = 2"}, 2},
		{"delete in the middle", []string{"DELETE FROM store_audit WHERE seq = 3"}, 3},
		{"delete the first", []string{"DELETE FROM store_audit WHERE seq = 1"}, 1},
		{"cut the tail", []string{"DELETE FROM store_audit WHERE seq > 4"}, 5},
		{"delete all", []string{"DELETE FROM store_audit"}, 1},
		{"swap two", []string{
			"UPDATE store_audit SET seq = 100 WHERE seq = 2", "UPDATE store_audit SET seq = 2 WHERE seq = 3",
			"UPDATE store_audit SET seq = 3 WHERE seq = 100"}, 2},
		{"close the gap", []string{"DELETE FROM store_audit WHERE seq = 2", "UPDATE store_audit SET seq = 2 WHERE seq = 3",
			"UPDATE store_audit SET seq = 3 WHERE seq = 4", "UPDATE store_audit SET seq = 4 WHERE seq = 5",
			"UPDATE store_audit SET seq = 5 WHERE seq = 6", "UPDATE store_audit_head SET seq = 5"}, 2},
		{"append", []string{"INSERT INTO store_audit SELECT 7, at, actor, act, object, facts, prev, hash FROM store_audit WHERE seq = 6"}, 7},
		{"head points back", []string{"UPDATE store_audit_head SET seq = 4"}, 5},
		{"cut the tail and the head's number", []string{"DELETE FROM store_audit WHERE seq > 4", "UPDATE store_audit_head SET seq = 4"}, 4},
		{"drop the head", []string{"DELETE FROM store_audit_head"}, 0},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		audited(t, db, 6)
		if err := db.VerifyAudit(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, h := range harm {
			save(t, db)
			for _, s := range h.sql {
				if err := db.Tx(t.Context(), func(tx *store.Tx) error { return tx.DB().Exec(s).Error }); err != nil {
					t.Fatalf("%s: %v", h.name, err)
				}
			}
			var broken *store.AuditBroken
			if err := db.VerifyAudit(t.Context()); !errors.As(err, &broken) || broken.Seq != h.seq {
				t.Errorf("%s: got %v, want entry %d", h.name, err, h.seq)
			}
			restore(t, db)
			if err := db.VerifyAudit(t.Context()); err != nil {
				t.Fatalf("after restoring %s: %v", h.name, err)
			}
		}
	})
}

func save(t *testing.T, db *store.DB) { copyAudit(t, db, "", "_saved", true) }
func restore(t *testing.T, db *store.DB) {
	copyAudit(t, db, "_saved", "", false)
}

func copyAudit(t *testing.T, db *store.DB, from, to string, create bool) {
	t.Helper()
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		for _, table := range []string{"store_audit", "store_audit_head"} {
			steps := []string{"DELETE FROM " + table + to, "INSERT INTO " + table + to + " SELECT * FROM " + table + from}
			if create {
				steps = []string{"DROP TABLE IF EXISTS " + table + to, "CREATE TABLE " + table + to + " AS SELECT * FROM " + table + from}
			}
			for _, s := range steps {
				if err := tx.DB().Exec(s).Error; err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAuditIsSerialUnderConcurrency(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const writers, each = 16, 10
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					err := db.Tx(t.Context(), func(tx *store.Tx) error {
						if err := tx.Audit("acct", "one", fmt.Sprint(w, i), nil); err != nil {
							return err
						}
						return tx.Audit("acct", "two", fmt.Sprint(w, i), nil)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := count(t, db, "store_audit"); n != 2*writers*each {
			t.Errorf("%d entries", n)
		}
		if err := db.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAuditRefusesWhatItCannotKeep(t *testing.T) {
	db := storetest.Open(t)
	for name, entry := range map[string]func(tx *store.Tx) error{
		"nobody":      func(tx *store.Tx) error { return tx.Audit("", "act", "o", nil) },
		"long object": func(tx *store.Tx) error { return tx.Audit("a", "act", strings.Repeat("x", 161), nil) },
		"not UTF-8":   func(tx *store.Tx) error { return tx.Audit("a", "act", "\xff", nil) },
		"no JSON":     func(tx *store.Tx) error { return tx.Audit("a", "act", "o", map[string]any{"f": func() {}}) },
		"bulky facts": func(tx *store.Tx) error {
			return tx.Audit("a", "act", "o", map[string]any{"f": strings.Repeat("x", 70000)})
		},
		"lost head": func(tx *store.Tx) error {
			return errors.Join(tx.DB().Exec("DELETE FROM store_audit_head").Error, tx.Audit("a", "act", "o", nil))
		},
		"sequence hit": func(tx *store.Tx) error {
			return errors.Join(tx.DB().Exec("INSERT INTO store_audit VALUES (1,0,'','','','','','')").Error, tx.Audit("a", "act", "o", nil))
		},
	} {
		if err := db.Tx(t.Context(), entry); err == nil {
			t.Errorf("%s: the act went through", name)
		}
	}
	if count(t, db, "store_audit") != 0 || count(t, db, "store_audit_head") != 1 {
		t.Error("something was kept")
	}
}

func TestAuditKeyIsNeeded(t *testing.T) {
	path := t.TempDir() + "/a.db"
	open := func(key string) *store.DB {
		db, err := store.Open(t.Context(), store.Config{Driver: store.SQLite, DSN: path, Create: true, AuditKey: store.AuditKey(key)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return db
	}
	audited(t, open("k1"), 2)
	if err := open("k1").VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"", "k2"} {
		if err := open(key).VerifyAudit(t.Context()); err == nil {
			t.Errorf("verified with key %q", key)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %s", store.AuditKey("k1"), store.Config{AuditKey: store.AuditKey("k1")}, store.AuditKey("k1"), store.AuditKey("k1")); strings.Contains(s, "k1") || strings.Contains(s, "107") {
		t.Errorf("the key prints: %s", s)
	}
}

func TestAuditEntriesArePagedAndFiltered(t *testing.T) {
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		audited(t, db, 5)
		page, err := db.AuditEntries(t.Context(), store.AuditFilter{Limit: 2})
		if err != nil || len(page) != 2 || page[0].Seq != 5 || page[1].Seq != 4 || !page[0].At.Equal(at) {
			t.Fatalf("%+v, %v", page, err)
		}
		if want := `{"a":"<中>","b":1,"c":{"A":2,"Z":1}}`; string(page[0].Facts) != want {
			t.Errorf("facts %s", page[0].Facts)
		}
		page, err = db.AuditEntries(t.Context(), store.AuditFilter{Before: 4, Object: "app_1", By: "acct_1", Act: "approve", Since: at, Until: at.Add(1)})
		if err != nil || len(page) != 0 { // Until rounds down to the same millisecond
			t.Fatalf("%+v, %v", page, err)
		}
		page, err = db.AuditEntries(t.Context(), store.AuditFilter{Before: 4, Object: "app_1", By: "acct_1", Act: "approve", Since: at})
		if err != nil || len(page) != 1 || page[0].Seq != 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		seq, sum, err := db.AuditHead(t.Context())
		last, _ := db.AuditEntries(t.Context(), store.AuditFilter{Limit: 1})
		if err != nil || seq != 5 || sum != last[0].Hash {
			t.Errorf("head %d, %v", seq, err)
		}
	}, func(c *store.Config) { c.Now = func() time.Time { return at } })
}
