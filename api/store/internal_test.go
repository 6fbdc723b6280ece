package store

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// TestWrongSettingsAreSeen gives the checks connections as the drivers make them by
// themselves.
func TestWrongSettingsAreSeen(t *testing.T) {
	lite, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	if err := checkSQLite(t.Context(), lite); !errors.Is(err, ErrSettings) {
		t.Errorf("sqlite: %v", err)
	}
	dsn := os.Getenv("SIGNET_TEST_MYSQL")
	if dsn == "" {
		dsn = "root@tcp(127.0.0.1:3306)/"
	}
	maria, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer maria.Close()
	if err := maria.Ping(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no MariaDB answers: %v", err)
		}
		t.Skipf("no MariaDB answers: %v", err)
	}
	if err := checkMySQL(t.Context(), maria); !errors.Is(err, ErrSettings) {
		t.Errorf("mariadb: %v", err)
	}
}

func TestFaults(t *testing.T) {
	for number, want := range map[uint16]fault{1213: contended, 1205: contended, 1047: away, 2013: away, 1021: full, 1062: noFault, 1064: noFault} {
		if got := faultOf(&mysql.MySQLError{Number: number}); got != want {
			t.Errorf("%d is %d, want %d", number, got, want)
		}
	}
	for code, want := range map[int]fault{5: contended, 517: contended, 6: contended, 13: full, 10: away, 1034: syncFault, 1290: syncFault, 14: away, 2067: noFault, 1: noFault} {
		if got := sqliteFault(code); got != want {
			t.Errorf("sqlite %d is %d, want %d", code, got, want)
		}
	}
}

// failedSync is what SQLite says when fsync failed.
type failedSync struct{}

func (failedSync) Error() string { return "disk I/O error (1034)" }
func (failedSync) Code() int     { return sqliteIOErrFsync }

// TestFailedSyncEndsAllWriting: what is durable is unknown, so nothing more is
// promised until a restart; reading goes on.
func TestFailedSyncEndsAllWriting(t *testing.T) {
	db, err := Open(t.Context(), Config{Driver: SQLite, DSN: filepath.Join(t.TempDir(), "a.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	runs := 0
	for range 2 {
		err := db.Tx(t.Context(), func(*Tx) error { runs++; return failedSync{} })
		if !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
	}
	if runs != 1 || db.Ping(t.Context()) == nil {
		t.Errorf("%d runs, ping %v", runs, db.Ping(t.Context()))
	}
	if err := db.VerifyAudit(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
}

// TestForgedEntryBreaksTheNext: who changes an entry and its hash must change all
// that follow.
func TestForgedEntryBreaksTheNext(t *testing.T) {
	db, err := Open(t.Context(), Config{Driver: SQLite, DSN: filepath.Join(t.TempDir(), "a.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := db.Tx(t.Context(), func(tx *Tx) error { return tx.Audit("a", "act", "o", nil) }); err != nil {
			t.Fatal(err)
		}
	}
	err = db.Tx(t.Context(), func(tx *Tx) error {
		var e auditEntry
		if err := tx.db.Where("seq = ?", 3).Take(&e).Error; err != nil {
			return err
		}
		e.Actor = "somebody else"
		_, err := tx.exec("UPDATE store_audit SET actor = ?, hash = ? WHERE seq = 3", e.Actor, e.sum(nil))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var broken *AuditBroken
	if err := db.VerifyAudit(t.Context()); !errors.As(err, &broken) || broken.Seq != 4 {
		t.Errorf("got %v, want entry 4", err)
	}
}
