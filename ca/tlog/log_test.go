package tlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/tlog"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is a log on a real database, and what was issued into it.
type site struct {
	db     *store.DB
	c      tlog.Config
	issued [][]byte // DER, by row
	at     time.Time
}

const name = "ca.test/log"

func newSite(t testing.TB, db *store.DB) *site {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	s := &site{db: db, at: time.Now().UTC().Truncate(time.Second)}
	s.c = tlog.Config{
		Store: db.TLog(), Name: name, Ed25519: private, SM2: catest.Key(t, pki.SM2), Now: func() time.Time { return s.at },
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return s
}

func (s *site) open(t testing.TB, change ...func(*tlog.Config)) *tlog.Log {
	t.Helper()
	c := s.c
	for _, f := range change {
		f(&c)
	}
	l, err := tlog.New(c)
	must(t, err)
	return l
}

func (s *site) keys(t testing.TB) []note.Verifier {
	t.Helper()
	var list []note.Verifier
	for _, text := range s.open(t).Keys() {
		v, err := tlog.ParseVerifier(text)
		must(t, err)
		list = append(list, v)
	}
	return list
}

// serial of the certificate in the n-th row.
func serial(n int) string { return fmt.Sprintf("%032X", n) }

// issue writes rows as the authority's store has them. The log does not look into certificates, so these need not be any.
func (s *site) issue(t testing.TB, count int) {
	t.Helper()
	for ; count > 0; count -= min(count, 500) {
		must(t, s.db.Tx(ctx, func(tx *store.Tx) error {
			for i := range min(count, 500) {
				n := len(s.issued) + i
				if err := insert(tx, 0, n, der(n), s.at); err != nil {
					return err
				}
			}
			return nil
		}))
		for range min(count, 500) {
			s.issued = append(s.issued, der(len(s.issued)))
		}
	}
}

func der(n int) []byte {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return bytes.Repeat(sum[:], 1+n%5)
}

func insert(tx *store.Tx, id, n int, der []byte, at time.Time) error {
	row := map[string]any{
		"ca": "issuing", "serial_hex": serial(n), "request_id": fmt.Append(nil, "r", n), "profile": "org-sign", "subject": "CN=x", "der": der,
		"not_before_at": 1, "not_after_at": 2, "spki_hash": make([]byte, 32), "pair_id": "", "issued_at": store.Millis(at), "asked_by": "test",
	}
	if id > 0 {
		row["id"] = id
	}
	return tx.DB().Table("ca_certificates").Create(row).Error
}

// root computes the tree's root as RFC 6962 §2.1 words it.
func root(entries [][]byte) [32]byte {
	switch len(entries) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, entries[0]...))
	}
	k := 1
	for 2*k < len(entries) {
		k *= 2
	}
	left, right := root(entries[:k]), root(entries[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// TestGrows appends in pieces around the sizes of tiles and compares with a tree computed in another way.
func TestGrows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		l, keys := s.open(t, func(c *tlog.Config) { c.Batch = 100 }), s.keys(t)
		var heads []tlog.Head
		for _, more := range []int{0, 1, 1, 3, 250, 1, 1, 255, 88} {
			s.issue(t, more)
			must(t, l.Append(ctx))
			c, err := l.Latest(ctx)
			must(t, err)
			head, err := tlog.OpenCheckpoint(c.Note, keys...)
			must(t, err)
			if head != c.Head || head.Size != int64(len(s.issued)) || head.Root != root(s.issued) {
				t.Fatalf("%d issued: %d logged, root %s", len(s.issued), head.Size, head.Root)
			}
			heads = append(heads, head)
		}
		for i, from := range heads {
			if from.Size == 0 {
				continue
			}
			for _, to := range heads[i:] {
				p, err := l.ProveGrowth(ctx, from.Size, to.Size)
				must(t, err)
				must(t, tlog.CheckGrowth(p, from, to))
				if from.Size < to.Size {
					wrong := from
					wrong.Root[0] ^= 1
					if tlog.CheckGrowth(p, wrong, to) == nil {
						t.Fatal("another tree grew into this one")
					}
				}
			}
		}
		for _, n := range []int{0, 1, 2, 254, 255, 256, 257, 511, 512, len(s.issued) - 1} {
			p, err := l.Prove(ctx, "issuing", serial(n))
			must(t, err)
			again, err := tlog.ParseProof(p.Text())
			must(t, err)
			must(t, again.Check(s.issued[n], keys...))
			if again.Index != int64(n) || again.Check(s.issued[(n+1)%len(s.issued)], keys...) == nil {
				t.Fatalf("entry %d is %d, or its proof is good for another", n, again.Index)
			}
		}
		if _, err := l.Prove(ctx, "issuing", serial(99999)); !errors.Is(err, tlog.ErrNotLogged) {
			t.Fatalf("a certificate that is none: %v", err)
		}
		report, err := l.Audit(ctx)
		must(t, err)
		if report.Head != heads[len(heads)-1] || report.Checkpoints != 9 || report.Waiting != 0 {
			t.Fatalf("%+v", report)
		}
		must(t, db.VerifyAudit(ctx))
	})
}

// TestRealCertificates logs what an authority issued, root and responder too.
func TestRealCertificates(t *testing.T) {
	db := storetest.Open(t)
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Store: db.CA()})
	s := newSite(t, db)
	l := s.open(t)
	c, err := tree.Authority.Issue(ctx, tree.Request(t, "one", "org-sign", catest.Key(t, pki.SM2)))
	must(t, err)
	if _, err := l.Prove(ctx, "issuing", c.SerialHex); !errors.Is(err, tlog.ErrNoCheckpoint) {
		t.Fatalf("before the log ran: %v", err)
	}
	must(t, l.Append(ctx))
	p, err := l.Prove(ctx, "issuing", c.SerialHex)
	must(t, err)
	must(t, p.Check(c.DER, s.keys(t)...))
}

// TestLateRow: a row may become visible after one with a greater id was logged, and the log may have been down meanwhile.
func TestLateRow(t *testing.T) {
	for _, pause := range []time.Duration{time.Second, 9 * time.Minute, 11 * time.Minute, 2 * time.Hour, 1000 * time.Hour} {
		s := newSite(t, nil)
		s.db = storetest.Open(t, func(c *store.Config) { c.Now = func() time.Time { return s.at } })
		s.c.Store = s.db.TLog()
		l := s.open(t)
		put := func(id int) {
			must(t, s.db.Tx(ctx, func(tx *store.Tx) error { return insert(tx, id, id, der(id), s.at) }))
		}
		size := func() int64 {
			must(t, l.Append(ctx))
			c, err := l.Latest(ctx)
			must(t, err)
			return c.Size
		}
		put(5)
		size()
		put(9)
		if n := size(); n != 2 {
			t.Fatalf("%d logged", n)
		}
		put(7) // its transaction took longer
		s.at = s.at.Add(pause)
		put(12)
		if n := size(); n != 4 {
			t.Errorf("after %s: %d logged, one is missing", pause, n)
		}
		report, err := l.Audit(ctx)
		must(t, err)
		if report.Size != 4 || report.Waiting != 0 {
			t.Errorf("%+v", report)
		}
	}
}

// TestLongWindow runs for hours with a pass every minute: the look back moves on, and a row that is late is still found.
func TestLongWindow(t *testing.T) {
	s := newSite(t, nil)
	s.db = storetest.Open(t, func(c *store.Config) { c.Now = func() time.Time { return s.at } })
	s.c.Store = s.db.TLog()
	l := s.open(t)
	const minutes = 150
	for i := range minutes {
		s.at = s.at.Add(time.Minute)
		must(t, s.db.Tx(ctx, func(tx *store.Tx) error {
			if i > 1 { // the odd ids come two minutes late
				if err := insert(tx, 2*i-3, 2*i-3, der(2*i-3), s.at); err != nil {
					return err
				}
			}
			return insert(tx, 2*i+2, 2*i+2, der(2*i+2), s.at)
		}))
		must(t, l.Append(ctx))
	}
	c, err := l.Latest(ctx)
	must(t, err)
	if c.Size != 2*minutes-2 {
		t.Fatalf("%d logged", c.Size)
	}
	settled, err := s.db.TLog().Settled(ctx, s.at.Add(-time.Hour))
	must(t, err)
	if settled < minutes { // the window has moved
		t.Fatalf("still looking back to %d", settled)
	}
}

// TestManyProcesses appends from several at once while certificates are issued.
func TestManyProcesses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := newSite(t, db)
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 20 {
				s.issue(t, 13)
			}
		})
		for range 3 {
			l := s.open(t, func(c *tlog.Config) { c.Batch = 7 })
			wg.Go(func() {
				for range 10 {
					if err := l.Append(ctx); err != nil && !errors.Is(err, tlog.ErrMoved) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		l := s.open(t)
		must(t, l.Append(ctx))
		report, err := l.Audit(ctx)
		must(t, err)
		if report.Size != 260 || report.Waiting != 0 {
			t.Fatalf("%+v", report)
		}
	})
}

// failing is a store whose n-th writing step fails: before it took effect, or after.
type failing struct {
	tlog.Store
	left  int
	after bool
}

var errPower = errors.New("power cut")

func (f *failing) step(do func() error) error {
	f.left--
	if f.left == 0 && !f.after {
		return errPower
	}
	if err := do(); err != nil || f.left != 0 {
		return err
	}
	return errPower
}

func (f *failing) Append(ctx context.Context, from, to tlog.Head, entries []tlog.Entry, tiles []tlog.Tile) error {
	return f.step(func() error { return f.Store.Append(ctx, from, to, entries, tiles) })
}

func (f *failing) SaveCheckpoint(ctx context.Context, c tlog.Checkpoint) error {
	return f.step(func() error { return f.Store.SaveCheckpoint(ctx, c) })
}

// TestPowerCuts ends the process at every durable step, then goes on with another.
func TestPowerCuts(t *testing.T) {
	for step := 1; step <= 4; step++ {
		for _, after := range []bool{false, true} {
			s := newSite(t, storetest.Open(t))
			s.issue(t, 10)
			must(t, s.open(t).Append(ctx))
			s.issue(t, 260)
			first, err := s.open(t).Latest(ctx)
			must(t, err)
			cut := s.open(t, func(c *tlog.Config) { c.Batch, c.Store = 100, &failing{s.db.TLog(), step, after} })
			if err := cut.Append(ctx); !errors.Is(err, errPower) {
				t.Fatalf("step %d: %v", step, err)
			}
			l := s.open(t)
			must(t, l.Append(ctx))
			report, err := l.Audit(ctx)
			must(t, err)
			if report.Size != 270 || report.Waiting != 0 || report.Root != root(s.issued) {
				t.Fatalf("step %d, after %v: %+v", step, after, report)
			}
			p, err := l.ProveGrowth(ctx, first.Size, 270)
			must(t, err)
			must(t, tlog.CheckGrowth(p, first.Head, report.Head))
		}
	}
}

// TestTampering changes one thing in the database each time: the audit names it, or nothing more is signed.
func TestTampering(t *testing.T) {
	for _, c := range []struct {
		what, statement string
		args            []any
		at              int64
	}{
		{"certificate replaced", "UPDATE ca_certificates SET der = ? WHERE serial_hex = ?", []any{[]byte("another"), serial(17)}, 17},
		{"certificate removed", "DELETE FROM ca_certificates WHERE serial_hex = ?", []any{serial(18)}, 18},
		{"entry removed", "DELETE FROM tlog_entries WHERE seq = ?", []any{19}, 19},
		{"last entry removed", "DELETE FROM tlog_entries WHERE seq = ?", []any{299}, 299},
		{"entries exchanged", "UPDATE tlog_entries SET seq = CASE seq WHEN 20 THEN -1 ELSE seq END", nil, 20},
		{"leaf replaced", "UPDATE tlog_entries SET leaf = ? WHERE seq = ?", []any{make([]byte, 32), 21}, 21},
		{"full tile replaced", "UPDATE tlog_tiles SET hashes = ? WHERE level = 0 AND n = 0", []any{make([]byte, 256*32)}, 256},
		{"partial tile replaced", "UPDATE tlog_tiles SET hashes = ? WHERE level = 0 AND n = 1", []any{make([]byte, 44*32)}, 300},
		{"tile cut", "UPDATE tlog_tiles SET hashes = ? WHERE level = 1 AND n = 0", []any{[]byte("x")}, 300},
		{"head replaced", "UPDATE tlog_head SET root = ?", []any{make([]byte, 32)}, 300},
		{"checkpoint replaced", "UPDATE tlog_checkpoints SET root = ? WHERE size = 100", []any{make([]byte, 32)}, 100},
		{"note replaced", "UPDATE tlog_checkpoints SET note = ? WHERE size = 100", []any{[]byte("hello\n")}, 100},
	} {
		s := newSite(t, storetest.Open(t))
		l := s.open(t)
		s.issue(t, 100)
		must(t, l.Append(ctx))
		s.issue(t, 200)
		must(t, l.Append(ctx))
		_, err := l.Audit(ctx)
		must(t, err)
		must(t, s.db.Tx(ctx, func(tx *store.Tx) error { return tx.DB().Exec(c.statement, c.args...).Error }))
		var broken *tlog.Broken
		if _, err := l.Audit(ctx); !errors.As(err, &broken) || broken.Index != c.at {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestNothingIsSignedOnDamage: a tree that cannot be recomputed, or that lost what was signed, is not built upon.
func TestNothingIsSignedOnDamage(t *testing.T) {
	for _, c := range []struct {
		what, statement string
		want            error
	}{
		{"tile zeroed", "UPDATE tlog_tiles SET hashes = zeroblob(100 * 32) WHERE level = 0", tlog.ErrDamaged},
		{"tile cut", "UPDATE tlog_tiles SET hashes = zeroblob(32) WHERE level = 0", tlog.ErrNoTile},
		{"tiles gone", "DELETE FROM tlog_tiles", tlog.ErrNoTile},
		{"head turned back", "UPDATE tlog_head SET root = zeroblob(32)", tlog.ErrDamaged},
	} {
		s := newSite(t, storetest.Open(t))
		l := s.open(t)
		s.issue(t, 100)
		must(t, l.Append(ctx))
		s.issue(t, 1)
		must(t, s.db.Tx(ctx, func(tx *store.Tx) error { return tx.DB().Exec(c.statement).Error }))
		if err := l.Append(ctx); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
		if latest, err := l.Latest(ctx); err != nil || latest.Size != 100 {
			t.Errorf("%s: signed %d, %v", c.what, latest.Size, err)
		}
	}
}

// TestRestoredDatabase: what was signed is greater than what an old backup has.
func TestRestoredDatabase(t *testing.T) {
	s := newSite(t, storetest.Open(t))
	l := s.open(t)
	s.issue(t, 10)
	must(t, l.Append(ctx))
	must(t, s.db.Tx(ctx, func(tx *store.Tx) error {
		for _, statement := range []string{"DELETE FROM tlog_entries", "DELETE FROM tlog_tiles", "DELETE FROM tlog_head", "DELETE FROM ca_certificates WHERE id > 5"} {
			if err := tx.DB().Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	}))
	if err := l.Append(ctx); !errors.Is(err, tlog.ErrFork) {
		t.Fatalf("signed a smaller tree: %v", err)
	}
}

func TestForgottenCertificate(t *testing.T) {
	s := newSite(t, storetest.Open(t))
	l := s.open(t)
	s.issue(t, 3)
	must(t, l.Append(ctx))
	s.issue(t, 1)
	report, err := l.Audit(ctx)
	must(t, err)
	if report.Waiting != 1 {
		t.Fatalf("%+v", report)
	}
	s.at = s.at.Add(2 * time.Hour)
	var broken *tlog.Broken
	if _, err := l.Audit(ctx); !errors.As(err, &broken) {
		t.Fatalf("two hours later: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	s := newSite(t, storetest.Open(t))
	for what, change := range map[string]func(*tlog.Config){
		"no store":            func(c *tlog.Config) { c.Store = nil },
		"no name":             func(c *tlog.Config) { c.Name = "" },
		"a name of two words": func(c *tlog.Config) { c.Name = "a b" },
		"a name with plus":    func(c *tlog.Config) { c.Name = "a+b" },
		"no first key":        func(c *tlog.Config) { c.Ed25519 = nil },
		"no second key":       func(c *tlog.Config) { c.SM2 = nil },
		"second key P-256":    func(c *tlog.Config) { c.SM2 = catest.Key(t, pki.P256) },
	} {
		c := s.c
		change(&c)
		if _, err := tlog.New(c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{64, 1024} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			s := newSite(b, storetest.Open(b))
			l := s.open(b, func(c *tlog.Config) { c.Batch = batch })
			s.issue(b, b.N)
			b.ResetTimer()
			must(b, l.Append(ctx))
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
