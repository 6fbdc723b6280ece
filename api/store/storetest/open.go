// Package storetest gives tests a real, migrated database: SQLite always, MariaDB
// where one answers. It is for tests only and refuses to fake either.
package storetest

import (
	"context"
	"path/filepath"
	"testing"

	"signet/api/store"
)

// Option changes the configuration of a test database.
type Option func(*store.Config)

// Open gives a migrated SQLite database of the test's own.
func Open(t testing.TB, options ...Option) *store.DB {
	t.Helper()
	c := store.Config{Driver: store.SQLite, DSN: filepath.Join(t.TempDir(), "signet.db")}
	CopySchema(t, c.DSN)
	return open(t, c, options)
}

// OpenMariaDB gives a migrated database of the test's own on the server that
// SIGNET_TEST_MYSQL names (default root@tcp(127.0.0.1:3306)/).
// Where none answers the test is skipped; under CI it fails.
func OpenMariaDB(t testing.TB, options ...Option) *store.DB {
	t.Helper()
	return open(t, store.Config{Driver: store.MySQL, DSN: MigratedMariaDB(t)}, options)
}

// Each runs f once per dialect, on a fresh database each.
func Each(t *testing.T, f func(t *testing.T, db *store.DB), options ...Option) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, Open(t, options...)) })
	t.Run("mariadb", func(t *testing.T) { f(t, OpenMariaDB(t, options...)) })
}

// MariaDB creates an empty database, gives its DSN, and drops it after the test.
func MariaDB(t testing.TB) string {
	t.Helper()
	reachMariaDB(t)
	name, err := create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(context.WithoutCancel(t.Context()), name); err != nil {
			t.Error(err)
		}
	})
	return dsnOf(t, name)
}

func open(t testing.TB, c store.Config, options []Option) *store.DB {
	t.Helper()
	for _, o := range options {
		o(&c)
	}
	db, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
