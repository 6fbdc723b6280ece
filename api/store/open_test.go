package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/api/store"
	"signet/api/store/storetest"
)

func TestOpenCreatesNothingUnasked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent.db")
	if _, err := store.Open(t.Context(), store.Config{Driver: store.SQLite, DSN: path}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("Open made a file")
	}
}

func TestSQLiteFileIsPrivateWhateverItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "数据 100%?#.db")
	db, err := store.Open(t.Context(), store.Config{Driver: store.SQLite, DSN: path, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", suffix, info.Mode())
		}
	}
}

func TestMigrateTwiceAndPing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if pending, err := db.Pending(t.Context()); err != nil || pending {
			t.Fatalf("pending %v, %v", pending, err)
		}
		if err := db.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestReadersCannotWrite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Read(t.Context()).Exec("DELETE FROM store_audit_head").Error; err == nil {
			t.Fatal("a reader deleted the audit head")
		}
		if err := db.VerifyAudit(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWrongPasswordDoesNotShow(t *testing.T) {
	_, err := store.Open(t.Context(), store.Config{Driver: store.MySQL, DSN: "user:hunter2@@@tcp(/x"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("got %v", err)
	}
}

// TestDialectsHaveTheSameMigrations: same number, same name, in both folders.
func TestDialectsHaveTheSameMigrations(t *testing.T) {
	list := func(dialect string) string {
		entries, err := os.ReadDir(filepath.Join("migrations", dialect))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		seen := map[string]bool{}
		for _, e := range entries {
			number, _, _ := strings.Cut(e.Name(), "_")
			if seen[number] {
				t.Errorf("%s: number %s is used twice", dialect, number)
			}
			seen[number] = true
			names = append(names, e.Name())
		}
		return strings.Join(names, "\n")
	}
	if sqlite, mysql := list("sqlite"), list("mysql"); sqlite != mysql {
		t.Errorf("sqlite:\n%s\nmysql:\n%s", sqlite, mysql)
	}
}
