package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"signet/api/problem"
)

// The drivers that Config.Driver may name.
const (
	SQLite = "sqlite"
	MySQL  = "mysql" // MariaDB and Galera too
)

// AuditKey authenticates the audit chain. It does not print.
type AuditKey []byte

// String hides the key.
func (AuditKey) String() string { return "[AuditKey]" }

// GoString hides the key.
func (AuditKey) GoString() string { return "[AuditKey]" }

// LogValue hides the key.
func (AuditKey) LogValue() slog.Value { return slog.StringValue("[AuditKey]") }

// MarshalText hides the key.
func (AuditKey) MarshalText() ([]byte, error) { return []byte("[AuditKey]"), nil }

// Config says which database, and how.
type Config struct {
	Driver string // required: SQLite or MySQL
	DSN    string // required: a file path (SQLite) or user:password@tcp(host:port)/name (MySQL)
	Create bool   // SQLite: make the file (0600) when it is missing; default: refuse

	Log *slog.Logger     // default: discard
	Now func() time.Time // default: time.Now

	// AuditKey turns the audit chain's SHA-256 into HMAC-SHA-256, so that who can
	// write the database but does not hold the key cannot forge a chain. It is
	// fixed for the life of a database. Default: none.
	AuditKey AuditKey

	// RetryFor bounds how long one transaction keeps trying while the database is
	// away or contended; default 6 s.
	RetryFor time.Duration

	Writers int // MySQL: connections for transactions; default 16. SQLite always has one.
	Readers int // connections for Read; default 16
}

// DB is an open database.
//
// Concurrency: safe for concurrent use.
type DB struct {
	c      Config
	writer pool
	reader pool
	woken  chan struct{} // capacity 1: something was emitted since the last look
	group  group
	broken atomic.Bool // a sync to disk failed; what is durable is unknown until a restart
}

// pool is one set of connections, seen by database/sql and by gorm.
type pool struct {
	sql  *sql.DB
	gorm *gorm.DB
}

// Open connects, checks that the settings on which durability rests are in force,
// and changes nothing.
//
// Errors: fs.ErrNotExist when the SQLite file is missing and Create is not set;
// ErrSettings when a setting was read back wrong.
func Open(ctx context.Context, c Config) (*DB, error) {
	c = c.withDefaults()
	d := &DB{c: c, woken: make(chan struct{}, 1)}
	var err error
	switch c.Driver {
	case SQLite:
		err = d.openSQLite(ctx)
	case MySQL:
		err = d.openMySQL(ctx)
	default:
		return nil, fmt.Errorf("opening database: unknown driver %q", c.Driver)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// ErrSettings means that the database does not run with the settings that the
// promises of this package rest on.
var ErrSettings = errors.New("database settings are not acceptable")

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.RetryFor == 0 {
		c.RetryFor = 6 * time.Second
	}
	if c.Writers == 0 {
		c.Writers = 16
	}
	if c.Driver == SQLite {
		c.Writers = 1 // SQLite has one writer anyway; queueing here beats busy-waiting there
	}
	if c.Readers == 0 {
		c.Readers = 16
	}
	return c
}

// openPool wraps connections in gorm, used as a plain query builder: no implicit
// transactions, no logging of statements (they hold personal data).
func openPool(db *sql.DB, size int, dialector func(*sql.DB) gorm.Dialector) (pool, error) {
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	g, err := gorm.Open(translating{dialector(db)}, &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		Logger:                 logger.Discard,
	})
	if err != nil {
		return pool{sql: db}, fmt.Errorf("opening database: %w", err)
	}
	return pool{sql: db, gorm: g}, nil
}

// Driver names the dialect in use: SQLite or MySQL.
func (d *DB) Driver() string { return d.c.Driver }

// Now is the clock of the database's rows: UTC, whole milliseconds.
func (d *DB) Now() time.Time { return d.c.Now().UTC().Truncate(time.Millisecond) }

// Read gives a query builder on the reader connections. They refuse to write.
//
// Errors: of the builder's calls, those of an absent database are Busy problems.
func (d *DB) Read(ctx context.Context) *gorm.DB {
	return d.reader.gorm.WithContext(ctx)
}

// Snapshot runs f with a view of the database as of one moment, for work that
// reads several times or streams.
func (d *DB) Snapshot(ctx context.Context, f func(*gorm.DB) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.c.Driver == MySQL {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := d.reader.sql.BeginTx(ctx, opts)
	if err != nil {
		return refusal(fmt.Errorf("opening snapshot: %w", err))
	}
	defer tx.Rollback() // nothing to keep: it only read
	return refusal(f(bind(ctx, d.reader.gorm, tx)))
}

// bind makes a query builder that runs on one open transaction.
func bind(ctx context.Context, g *gorm.DB, tx *sql.Tx) *gorm.DB {
	s := g.Session(&gorm.Session{NewDB: true, Context: ctx})
	s.Statement.ConnPool = tx
	return s
}

// Ping reports whether the database can be written durably: it answers, and its
// settings are still the ones that Open checked.
//
// Errors: Busy problems with CodeDatabaseUnavailable.
func (d *DB) Ping(ctx context.Context) error {
	if d.broken.Load() {
		return errBroken
	}
	if err := d.checkSettings(ctx); err != nil {
		return problem.New(problem.Busy, problem.CodeDatabaseUnavailable, "The database is not available.").WithCause(err)
	}
	return nil
}

func (d *DB) checkSettings(ctx context.Context) error {
	for _, p := range []pool{d.writer, d.reader} {
		var err error
		if d.c.Driver == SQLite {
			err = checkSQLite(ctx, p.sql)
		} else {
			err = checkMySQL(ctx, p.sql)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close waits for running statements and closes all connections.
func (d *DB) Close() error {
	var errs []error
	for _, p := range []pool{d.reader, d.writer} { // the writer last: SQLite then folds the WAL away
		if p.sql != nil {
			errs = append(errs, p.sql.Close())
		}
	}
	return errors.Join(errs...)
}

// Millis turns a time into what _at columns hold.
//
// Nil/zero: the zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time turns the value of an _at column into a time, UTC.
//
// Nil/zero: 0 is the zero time.
func Time(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
