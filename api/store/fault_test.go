package store_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

// proxy stands between the store and MariaDB and can cut or freeze the line.
type proxy struct {
	target   string
	listener net.Listener

	mu     sync.Mutex // guards all below
	conns  []net.Conn
	refuse bool                               // new connections are closed at once
	spy    func(toServer bool, b []byte) bool // false cuts the line before b is passed on
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, listener: l}
	t.Cleanup(func() { l.Close(); p.cut(true) })
	go p.serve()
	return p
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse := p.refuse
		p.mu.Unlock()
		if refuse {
			client.Close()
			continue
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		go p.pipe(server, client, true)
		go p.pipe(client, server, false)
	}
}

func (p *proxy) pipe(to, from net.Conn, toServer bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		spy := p.spy
		p.mu.Unlock()
		if n > 0 && spy != nil && !spy(toServer, buf[:n]) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return
			}
			return
		}
	}
}

// cut closes all lines; refuse says whether new ones are refused too.
func (p *proxy) cut(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *proxy) watch(spy func(toServer bool, b []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spy = spy
}

// proxied opens a migrated database through a proxy.
func proxied(t *testing.T) (*store.DB, *proxy) {
	t.Helper()
	c, err := mysql.ParseDSN(storetest.MigratedMariaDB(t))
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, c.Addr)
	c.Addr = p.listener.Addr().String()
	db, err := store.Open(t.Context(), store.Config{Driver: store.MySQL, DSN: c.FormatDSN(), RetryFor: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db, p
}

func act(db *store.DB, object string) error {
	return db.Tx(context.Background(), func(tx *store.Tx) error { return tx.Audit("tester", "act", object, nil) })
}

func busy(t *testing.T, err error, code problem.Code) {
	t.Helper()
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.Busy || p.Code != code {
		t.Errorf("got %v, want a Busy problem %s", err, code)
	}
}

func TestDatabaseGoneAndBack(t *testing.T) {
	db, p := proxied(t)
	if err := act(db, "before"); err != nil {
		t.Fatal(err)
	}
	p.cut(true)
	busy(t, act(db, "during"), problem.CodeDatabaseUnavailable)
	busy(t, db.Ping(t.Context()), problem.CodeDatabaseUnavailable)
	busy(t, db.Read(t.Context()).Exec("SELECT 1").Error, problem.CodeDatabaseUnavailable)
	_, err := db.CA().Issued(t.Context(), "x")
	busy(t, err, problem.CodeDatabaseUnavailable)
	p.cut(false)
	if err := act(db, "after"); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.VerifyAudit(t.Context()); err != nil || count(t, db, "store_audit") != 2 {
		t.Fatalf("%d entries, %v", count(t, db, "store_audit"), err)
	}
}

// TestShortCutHeals: all lines drop once; the transaction is repeated and nobody
// notices.
func TestShortCutHeals(t *testing.T) {
	db, p := proxied(t)
	runs := 0
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		if runs++; runs == 1 {
			p.cut(false)
		}
		return tx.Audit("tester", "act", "o", nil)
	})
	if err != nil || runs != 2 || count(t, db, "store_audit") != 1 {
		t.Fatalf("%d runs, %v", runs, err)
	}
}

// TestUnansweredCommitIsNotRepeated: the line drops after COMMIT was passed on; the
// act has happened, and repeating it would do it twice.
func TestUnansweredCommitIsNotRepeated(t *testing.T) {
	db, p := proxied(t)
	asked := make(chan struct{})
	p.watch(func(toServer bool, b []byte) bool {
		if toServer && strings.Contains(string(b), "COMMIT") {
			close(asked)
			return true
		}
		select {
		case <-asked:
			return toServer // the answer is swallowed
		default:
			return true
		}
	})
	runs := 0
	err := db.Tx(t.Context(), func(tx *store.Tx) error { runs++; return tx.Audit("tester", "act", "o", nil) })
	p.watch(nil)
	busy(t, err, problem.CodeDatabaseUnavailable)
	if !errors.Is(err, store.ErrOutcomeUnknown) || runs != 1 {
		t.Fatalf("%d runs, %v", runs, err)
	}
	if n := count(t, db, "store_audit"); n != 1 {
		t.Fatalf("%d entries", n)
	}
	if err := act(db, "after"); err != nil {
		t.Fatal(err)
	}
}

// TestLineCutBeforeCommitIsRepeated: COMMIT never reached the server, but neither
// did the store learn that; the outcome counts as unknown, and nothing happened.
func TestLineCutBeforeCommitHasNoEffect(t *testing.T) {
	db, p := proxied(t)
	p.watch(func(toServer bool, b []byte) bool { return !toServer || !strings.Contains(string(b), "COMMIT") })
	err := act(db, "o")
	p.watch(nil)
	busy(t, err, problem.CodeDatabaseUnavailable)
	if !errors.Is(err, store.ErrOutcomeUnknown) || count(t, db, "store_audit") != 0 {
		t.Fatalf("%d entries, %v", count(t, db, "store_audit"), err)
	}
}

func TestLockedSQLiteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open := func(create bool) *store.DB {
		db, err := store.Open(t.Context(), store.Config{Driver: store.SQLite, DSN: path, Create: create, RetryFor: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	first, second := open(true), open(false)
	if err := first.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	release, held := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- first.Tx(context.Background(), func(tx *store.Tx) error {
			close(held)
			<-release
			return tx.Audit("first", "act", "o", nil)
		})
	}()
	<-held
	busy(t, act(second, "o"), problem.CodeDatabaseUnavailable)
	if err := second.VerifyAudit(t.Context()); err != nil {
		t.Errorf("reading while the file is locked: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := act(second, "o"); err != nil {
		t.Fatal(err)
	}
	if err := second.VerifyAudit(t.Context()); err != nil || count(t, first, "store_audit") != 2 {
		t.Fatalf("%d entries, %v", count(t, first, "store_audit"), err)
	}
}

func TestFullDisk(t *testing.T) {
	db := storetest.Open(t)
	if err := act(db, "before"); err != nil {
		t.Fatal(err)
	}
	limit := func(pages string) {
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			var got int64
			return tx.DB().Raw("PRAGMA max_page_count = " + pages).Scan(&got).Error
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var pages string
	if err := db.Read(t.Context()).Raw("PRAGMA page_count").Scan(&pages).Error; err != nil {
		t.Fatal(err)
	}
	limit(pages)
	runs := 0
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		runs++
		if err := tx.Emit("topic", "o", strings.Repeat("x", 100_000)); err != nil {
			return err
		}
		return tx.Audit("tester", "act", "during", nil)
	})
	busy(t, err, problem.CodeStorageFull)
	if runs != 1 {
		t.Errorf("%d runs: a full disk is not healed by repeating", runs)
	}
	if count(t, db, "store_outbox") != 0 || count(t, db, "store_audit") != 1 {
		t.Error("something was half done")
	}
	limit("1073741823")
	if err := act(db, "after"); err != nil {
		t.Fatal(err)
	}
	if err := db.VerifyAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestUnsafeSettingsAreRefused(t *testing.T) {
	dsn := storetest.MigratedMariaDB(t)
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	// Session settings that the DSN asks for are overridden, not believed.
	c.Params = map[string]string{"sql_mode": "''"}
	db, err := store.Open(t.Context(), store.Config{Driver: store.MySQL, DSN: c.FormatDSN()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = db.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.DB().Exec("INSERT INTO store_outbox (id) VALUES (?)", strings.Repeat("x", 41)).Error
	})
	if err == nil {
		t.Error("a text too long was cut silently")
	}
}
