package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
)

func openKeeping(t *testing.T) (*sql.DB, *sql.Conn) {
	t.Helper()
	connector, err := newKeepConnector("file:" + filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return db, conn
}

func keptOf(t *testing.T, c *sql.Conn) map[string]*keptStmt {
	t.Helper()
	var kept map[string]*keptStmt
	if err := c.Raw(func(c any) error { kept = c.(*keepConn).kept; return nil }); err != nil {
		t.Fatal(err)
	}
	return kept
}

func run(t *testing.T, c *sql.Conn, text string, args ...any) {
	t.Helper()
	if _, err := c.ExecContext(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// TestKeptStatements: a statement is parsed once, also when its table changes or an earlier run failed, and never serves two readers at once.
func TestKeptStatements(t *testing.T) {
	_, c := openKeeping(t)
	run(t, c, "CREATE TABLE a (id INTEGER PRIMARY KEY, text TEXT)")
	const add, list = "INSERT INTO a VALUES (?, ?)", "SELECT id FROM a ORDER BY id"
	for i := range 3 {
		run(t, c, add, i, fmt.Sprint(i))
	}
	first := keptOf(t, c)[add]
	if first == nil || len(keptOf(t, c)) != 1 {
		t.Fatalf("kept: %v", keptOf(t, c))
	}
	if _, err := c.ExecContext(t.Context(), add, 1, "again"); err == nil {
		t.Fatal("a second row with the key 1")
	}
	run(t, c, add, 3, "after the failure")
	if keptOf(t, c)[add] == first {
		t.Error("a statement that failed is used again")
	}
	outer, err := c.QueryContext(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for outer.Next() {
		inner, err := c.QueryContext(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		for inner.Next() {
			pairs++
		}
		inner.Close()
	}
	if outer.Close(); pairs != 16 {
		t.Errorf("reading within reading: %d pairs of 4 rows", pairs)
	}
	run(t, c, "ALTER TABLE a ADD COLUMN more TEXT")
	if _, err := c.ExecContext(t.Context(), add, 9, "too few values"); err == nil {
		t.Error("a statement of before the table changed still ran")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.QueryContext(gone, list); err == nil {
		t.Error("a query of somebody who went away ran")
	}
}

// TestKeptStatementsAreBounded: the ones least recently used go.
func TestKeptStatementsAreBounded(t *testing.T) {
	_, c := openKeeping(t)
	ask := func(n int) {
		var got int
		if err := c.QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d", n)).Scan(&got); err != nil || got != n {
			t.Fatalf("%d: %d, %v", n, got, err)
		}
	}
	for n := range 3 * maxKept {
		ask(n)
		ask(0)
	}
	kept := keptOf(t, c)
	if len(kept) != maxKept || kept["SELECT 0"] == nil || kept["SELECT 1"] != nil {
		t.Errorf("%d kept, 0 %v, 1 %v", len(kept), kept["SELECT 0"], kept["SELECT 1"])
	}
}
