package storetest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"signet/api/store"
)

// The migrations run once in each test binary; its other SQLite databases start as copies of what they made.
var (
	sqliteOnce sync.Once
	sqliteFile []byte
)

// CopySchema writes a migrated, empty SQLite database to a file.
func CopySchema(t testing.TB, file string) {
	t.Helper()
	sqliteOnce.Do(func() { sqliteFile = migratedFile(t) })
	if len(sqliteFile) == 0 {
		t.Fatal("the schema could not be made: an earlier test says why")
	}
	if err := os.WriteFile(file, sqliteFile, 0o600); err != nil {
		t.Fatal(err)
	}
}

func migratedFile(t testing.TB) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "template.db")
	db, err := store.Open(t.Context(), store.Config{Driver: store.SQLite, DSN: file, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil { // the log is written back and gone
		t.Fatal(err)
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Fatal("the copied schema would lack what stands in its log")
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}
