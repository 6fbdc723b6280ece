// Package storetest gives tests a real, migrated database: SQLite always, MariaDB
// where one answers. It is for tests only and refuses to fake either.
package storetest

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"

	"signet/api/store"
)

// Option changes the configuration of a test database.
type Option func(*store.Config)

// Open gives a migrated SQLite database of the test's own.
func Open(t testing.TB, options ...Option) *store.DB {
	t.Helper()
	c := store.Config{Driver: store.SQLite, DSN: filepath.Join(t.TempDir(), "signet.db"), Create: true}
	return open(t, c, options)
}

// OpenMariaDB gives a migrated database of the test's own on the server that
// SIGNET_TEST_MYSQL names (default root@tcp(127.0.0.1:3306)/), dropped afterwards.
// Where none answers the test is skipped; under CI it fails.
func OpenMariaDB(t testing.TB, options ...Option) *store.DB {
	t.Helper()
	return open(t, store.Config{Driver: store.MySQL, DSN: MariaDB(t)}, options)
}

// Each runs f once per dialect, on a fresh database each.
func Each(t *testing.T, f func(t *testing.T, db *store.DB), options ...Option) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, Open(t, options...)) })
	t.Run("mariadb", func(t *testing.T) { f(t, OpenMariaDB(t, options...)) })
}

// MariaDB creates an empty database and gives its DSN.
func MariaDB(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv("SIGNET_TEST_MYSQL")
	if dsn == "" {
		dsn = "root@tcp(127.0.0.1:3306)/"
	}
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatalf("SIGNET_TEST_MYSQL: %v", err)
	}
	server, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Ping(); err != nil {
		server.Close()
		if os.Getenv("CI") != "" {
			t.Fatalf("no MariaDB answers: %v", err)
		}
		t.Skipf("no MariaDB answers: %v", err)
	}
	var random [8]byte
	rand.Read(random[:])
	name := "signet_test_" + hex.EncodeToString(random[:])
	if _, err := server.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := server.Exec("DROP DATABASE " + name); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	c.DBName = name
	return c.FormatDSN()
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
