package storetest

import (
	"testing"

	"signet/api/store"
)

// Wipe empties every table of a migrated database, so that a test with many cases
// needs one database only.
func Wipe(t testing.TB, db *store.DB) {
	t.Helper()
	list, suspend, resume := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
		"PRAGMA defer_foreign_keys = ON", ""
	if db.Driver() == store.MySQL {
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
		suspend, resume = "SET FOREIGN_KEY_CHECKS = 0", "SET FOREIGN_KEY_CHECKS = 1"
	}
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		var tables []string
		if err := tx.DB().Raw(list).Scan(&tables).Error; err != nil {
			return err
		}
		steps := []string{suspend}
		for _, table := range tables {
			switch table {
			case "store_migrations":
			case "store_audit_head":
				steps = append(steps, "UPDATE store_audit_head SET seq = 0, hash = X'0000000000000000000000000000000000000000000000000000000000000000'")
			default:
				steps = append(steps, "DELETE FROM "+table)
			}
		}
		for _, s := range append(steps, resume) {
			if s == "" {
				continue
			}
			if err := tx.DB().Exec(s).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
