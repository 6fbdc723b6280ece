package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	"gorm.io/gorm"
)

// Limits of one transaction's patience.
// Source: reliability.md §3, D5.
const (
	maxTries   = 5
	firstPause = 50 * time.Millisecond // doubled each time, with jitter
)

// Tx is one running transaction.
//
// Concurrency: for the goroutine of the function it was given to only.
type Tx struct {
	ctx     context.Context
	sql     *sql.Tx
	db      *gorm.DB
	now     time.Time
	key     AuditKey
	pending []auditEntry // chained and written just before the commit, so that the chain's lock is held briefly
	emitted bool
}

// Tx runs f in one transaction and commits when f returns nil. When the database
// rolled back because of contention, or went away before the commit was sent, the
// whole of f runs again (at most 5 times, for at most Config.RetryFor); so inside
// f there are only rows: no key, network, mail or file, and variables outside f are
// set afresh on each run. f must not start another transaction.
//
// Errors: what f returned; Busy problems when the database is away
// (CodeDatabaseUnavailable; with ErrOutcomeUnknown as cause it may have taken
// effect) or full (CodeStorageFull; nothing happened).
func (d *DB) Tx(ctx context.Context, f func(tx *Tx) error) error {
	started := time.Now()
	for try := 1; ; try++ {
		if d.broken.Load() {
			return errBroken
		}
		err := d.attempt(ctx, f)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return refusal(fmt.Errorf("transaction: %w", errors.Join(ctx.Err(), err)))
		}
		again := false
		switch faultOf(err) {
		case contended, away:
			again = !errors.Is(err, ErrOutcomeUnknown)
		case syncFault:
			d.broken.Store(true)
			d.c.Log.Error("sync to disk failed, refusing all writes", "error", err)
		}
		if !again || try == maxTries || time.Since(started) >= d.c.RetryFor {
			return refusal(err)
		}
		d.c.Log.Warn("transaction repeated", "try", try, "error", err)
		if err := pause(ctx, try); err != nil {
			return refusal(fmt.Errorf("transaction: %w", err))
		}
	}
}

// pause waits before the next try: 50 ms doubled per try, half of it random, so
// that two that collided do not collide again.
func pause(ctx context.Context, try int) error {
	span := firstPause << (try - 1)
	timer := time.NewTimer(span/2 + rand.N(span/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// attempt runs f once. It holds one connection throughout, so that a connection
// in doubt is thrown away instead of going back to the pool.
func (d *DB) attempt(ctx context.Context, f func(tx *Tx) error) (err error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if f := faultOf(err); f != noFault && f != contended || errors.Is(err, ErrOutcomeUnknown) {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		_ = conn.Close() // gives it back; after Raw above it is gone already
	}()
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	done := false
	defer func() {
		if !done { // f failed or panicked
			_ = sqlTx.Rollback()
		}
	}()
	tx := &Tx{ctx: ctx, sql: sqlTx, db: bind(ctx, d.writer.gorm, sqlTx), now: d.Now(), key: d.c.AuditKey}
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.chain(); err != nil {
		return fmt.Errorf("writing audit: %w", err)
	}
	done = true
	if err := commit(ctx, conn, sqlTx); err != nil {
		return err
	}
	if tx.emitted {
		d.wake()
	}
	return nil
}

// connect waits for a connection, but not longer than a transaction may take: so a
// transaction started inside another, which SQLite's one writer can never serve,
// ends as a Busy problem, and so does a queue that grew too long.
func (d *DB) connect(ctx context.Context) (*sql.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, d.c.RetryFor)
	defer cancel()
	conn, err := d.writer.sql.Conn(waiting)
	return conn, wrap("connecting", err)
}

// commit ends the transaction and says what its failure means.
func commit(ctx context.Context, conn *sql.Conn, tx *sql.Tx) error {
	err := tx.Commit()
	switch {
	case err == nil:
		return nil
	case isSQLite(err): // SQLite may keep the transaction open after a failed COMMIT
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	case commitUnknown(err):
		return fmt.Errorf("committing: %w: %w", ErrOutcomeUnknown, err)
	}
	return fmt.Errorf("committing: %w", err)
}

// DB gives the query builder of this transaction.
func (tx *Tx) DB() *gorm.DB { return tx.db }

// Now is the time of this transaction: UTC, whole milliseconds, the same for all
// its rows.
func (tx *Tx) Now() time.Time { return tx.now }

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Move takes a row of table from one of the states from to the state to, setting
// the columns in extra too, by one conditional UPDATE: of many that try at once,
// one wins.
//
// Shape: the table has columns id and state; table and the keys of extra are
// names from the program, never from a caller.
// Errors: false without error when the row is not there or in another state.
func (tx *Tx) Move(table, id string, from []string, to string, extra map[string]any) (bool, error) {
	set := map[string]any{"state": to}
	for column, value := range extra {
		if !identifier.MatchString(column) || column == "id" || column == "state" {
			return false, fmt.Errorf("moving %s: %q cannot be set", table, column)
		}
		set[column] = value
	}
	if !identifier.MatchString(table) || len(from) == 0 {
		return false, fmt.Errorf("moving %q: no such table or no state to leave", table)
	}
	r := tx.db.Table(table).Where("id = ? AND state IN ?", id, from).Updates(set)
	if r.Error != nil {
		return false, fmt.Errorf("moving %s %s to %s: %w", table, id, to, r.Error)
	}
	if r.RowsAffected > 1 {
		return false, fmt.Errorf("moving %s %s to %s: %d rows instead of one", table, id, to, r.RowsAffected)
	}
	return r.RowsAffected == 1, nil
}

// IsDuplicate reports whether err is the violation of a unique key, on either
// dialect.
func IsDuplicate(err error) bool { return errors.Is(err, gorm.ErrDuplicatedKey) }

// IsNotFound reports whether err is a single-row query's "no row".
func IsNotFound(err error) bool { return errors.Is(err, gorm.ErrRecordNotFound) }
