package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"signet/api/problem"
)

// ErrOutcomeUnknown marks a transaction whose commit was sent but never answered:
// it may have taken effect. It is the cause of a Busy problem; repeat such an act
// only under the same idempotency key.
var ErrOutcomeUnknown = errors.New("the commit was not answered; it may have taken effect")

// errBroken is the answer after a failed sync to disk, until the process restarts:
// the kernel may have dropped the dirty pages, so a repeated sync proves nothing.
var errBroken = problem.New(problem.Busy, problem.CodeDatabaseUnavailable, "A write to disk failed; the service must be restarted.")

// errAgain asks for the transaction to run again: another one was faster, and what
// this one read is out of date.
var errAgain = errors.New("another transaction was faster")

// fault sorts database errors by what can be done about them.
type fault int

const (
	noFault   fault = iota // not the database's state: a defect, a constraint, the caller's own refusal
	contended              // rolled back by the database; the whole transaction may run again at once
	away                   // not reachable or not serving; running again may help
	full                   // no room; running again does not help until someone makes room
	syncFault              // a sync to disk failed
)

// SQLite result codes; the low byte is the primary code.
// Source: sqlite.org/rescode.html.
const (
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteReadOnly   = 8
	sqliteIOErr      = 10
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqliteIOErrFsync = 10 | 4<<8
	sqliteIOErrDir   = 10 | 5<<8

	sqliteForeignKey = 19 | 3<<8
	sqlitePrimaryKey = 19 | 6<<8
	sqliteUnique     = 19 | 8<<8
)

// sqliteError is what the driver's errors look like.
type sqliteError interface {
	error
	Code() int
}

// mysqlFaults sorts server error numbers.
// Source: MariaDB and MySQL error references; 1047 is Galera's "not in the primary component".
var mysqlFaults = map[uint16]fault{
	1205: contended, 1213: contended, 1020: contended, 1317: contended,
	1040: away, 1047: away, 1053: away, 1158: away, 1159: away, 1160: away, 1161: away,
	1203: away, 1290: away, 1836: away, 1927: away, 2006: away, 2013: away,
	1021: full, 1114: full,
}

func faultOf(err error) fault {
	if err == nil {
		return noFault
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return mysqlFaults[e.Number]
	}
	if e, ok := errors.AsType[sqliteError](err); ok {
		return sqliteFault(e.Code())
	}
	if errors.Is(err, errAgain) {
		return contended
	}
	for _, lost := range []error{driver.ErrBadConn, mysql.ErrInvalidConn, mysql.ErrBusyBuffer, io.ErrUnexpectedEOF, io.EOF, sql.ErrConnDone} {
		if errors.Is(err, lost) {
			return away
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return away
	}
	return noFault
}

// commitUnknown reports whether a COMMIT that failed with err may have been done:
// the server was asked and did not say no.
func commitUnknown(err error) bool {
	if errors.Is(err, driver.ErrBadConn) { // nothing was sent
		return false
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return mysqlFaults[e.Number] == away || e.Number == 1317
	}
	return faultOf(err) == away
}

func isSQLite(err error) bool {
	_, ok := errors.AsType[sqliteError](err)
	return ok
}

func sqliteFault(code int) fault {
	switch {
	case code == sqliteIOErrFsync || code == sqliteIOErrDir:
		return syncFault
	case code&0xff == sqliteBusy || code&0xff == sqliteLocked:
		return contended
	case code&0xff == sqliteFull:
		return full
	case code&0xff == sqliteReadOnly || code&0xff == sqliteIOErr || code&0xff == sqliteCantOpen:
		return away
	}
	return noFault
}

// refusal turns an error that means "not now" into a Busy problem that keeps the
// error as its cause; other errors pass unchanged.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*problem.Error](err); ok {
		return err
	}
	switch faultOf(err) {
	case contended, away:
		return unavailable(err)
	case full:
		return problem.New(problem.Busy, problem.CodeStorageFull, "The storage is full; nothing was changed.").WithCause(err)
	case syncFault:
		return errBroken.WithCause(err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return unavailable(err)
	}
	return err
}

func unavailable(cause error) error {
	return problem.New(problem.Busy, problem.CodeDatabaseUnavailable, "The database is not available.").
		WithCause(cause).WithRetryAfter(5 * time.Second)
}

// translating gives gorm's errors the same meaning on both dialects.
type translating struct{ gorm.Dialector }

// Translate maps unique and foreign-key violations to gorm's sentinels and faults
// of the database to Busy problems.
func (t translating) Translate(err error) error {
	if tr, ok := t.Dialector.(gorm.ErrorTranslator); ok {
		err = tr.Translate(err)
	}
	return refusal(err)
}

// Apply passes on what the dialect sets in gorm's configuration.
func (t translating) Apply(c *gorm.Config) error {
	if a, ok := t.Dialector.(interface{ Apply(*gorm.Config) error }); ok {
		return a.Apply(c)
	}
	return nil
}
