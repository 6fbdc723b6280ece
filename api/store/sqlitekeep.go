package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"modernc.org/sqlite"
)

// maxKept bounds the prepared statements that one connection keeps.
const maxKept = 128

// keepConnector opens SQLite connections that keep their prepared statements: the driver would have each statement parsed
// whenever it runs, which takes SQLite longer than running it.
type keepConnector struct{ driver.Connector }

func newKeepConnector(dsn string) (driver.Connector, error) {
	c, err := sqlite.NewConnector(dsn)
	return keepConnector{c}, err
}

// liteConn is what the driver's connections can do.
type liteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// liteStmt is what its statements can do.
type liteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// liteRows is what its results can do beside giving rows; gorm asks for it.
type liteRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

var errDriver = errors.New("the SQLite driver lacks what this package needs of it")

// Connect implements driver.Connector.
func (k keepConnector) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	lite, ok := c.(liteConn)
	if !ok {
		return nil, errors.Join(errDriver, c.Close())
	}
	return &keepConn{liteConn: lite, kept: map[string]*keptStmt{}}, nil
}

// keepConn is a connection with its prepared statements.
//
// Concurrency: as database/sql uses connections, for one goroutine at a time.
type keepConn struct {
	liteConn
	kept  map[string]*keptStmt
	clock uint64 // counts uses
}

type keptStmt struct {
	liteStmt
	text   string
	busy   bool // its rows are being read
	usedAt uint64
}

// ExecContext implements driver.ExecerContext.
func (c *keepConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.liteConn.ExecContext(ctx, text, args)
	}
	r, err := s.ExecContext(ctx, args)
	return r, c.give(s, err)
}

// QueryContext implements driver.QueryerContext.
func (c *keepConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.liteConn.QueryContext(ctx, text, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, c.give(s, err)
	}
	lite, ok := rows.(liteRows)
	if !ok {
		return nil, c.give(s, errors.Join(errDriver, rows.Close()))
	}
	return &keptRows{lite, c, s}, nil
}

// keptRows gives its statement back when it is closed.
type keptRows struct {
	liteRows
	c *keepConn
	s *keptStmt
}

// Close implements driver.Rows.
func (r *keptRows) Close() error { return r.c.give(r.s, r.liteRows.Close()) }

// take finds or makes the statement of a text. Nil/zero: nil for a text that is not kept, or whose statement is in use.
func (c *keepConn) take(ctx context.Context, text string) (*keptStmt, error) {
	s := c.kept[text]
	if s == nil {
		if !isKept(text) || len(c.kept) >= maxKept && !c.forget() {
			return nil, nil
		}
		prepared, err := c.PrepareContext(ctx, text)
		if err != nil {
			return nil, err
		}
		lite, ok := prepared.(liteStmt)
		if !ok {
			return nil, errors.Join(errDriver, prepared.Close())
		}
		s = &keptStmt{liteStmt: lite, text: text}
		c.kept[text] = s
	}
	if s.busy {
		return nil, nil
	}
	c.clock++
	s.busy, s.usedAt = true, c.clock
	return s, nil
}

// isKept: of other statements some act when they are prepared (sqlite.org/pragma.html), and none is frequent.
func isKept(text string) bool {
	for _, verb := range []string{"SELECT ", "INSERT ", "UPDATE ", "DELETE "} {
		if strings.HasPrefix(text, verb) {
			return true
		}
	}
	return false
}

// give takes a statement back and passes on how its use ended. One that failed is not used again.
func (c *keepConn) give(s *keptStmt, err error) error {
	s.busy = false
	if err == nil {
		return nil
	}
	return c.drop(s, err)
}

func (c *keepConn) drop(s *keptStmt, cause error) error {
	delete(c.kept, s.text)
	if err := s.Close(); cause == nil { // after a failure closing reports it once more
		return err
	}
	return cause
}

// forget drops the statement that was not used for longest.
func (c *keepConn) forget() bool {
	var oldest *keptStmt
	for _, s := range c.kept {
		if !s.busy && (oldest == nil || s.usedAt < oldest.usedAt) {
			oldest = s
		}
	}
	return oldest != nil && c.drop(oldest, nil) == nil
}

// Close implements driver.Conn.
func (c *keepConn) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.Close())
	}
	c.kept = nil
	return errors.Join(append(errs, c.liteConn.Close())...)
}
