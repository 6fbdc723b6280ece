package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/bits"
	"strings"

	"gorm.io/gorm"
)

// maxPlaceholders per statement: SQLite allows 32766, MySQL 65535.
// Source: sqlite.org/limits.html §9.
const maxPlaceholders = 30_000

// maxRowsKept bounds the rows of one statement that SQLite keeps: beyond it parsing once more costs little beside running.
const maxRowsKept = 8

// The hot path of issuance writes whole batches. These helpers spare it gorm's
// reflection; the text of every statement is still the program's alone.

// insert adds rows with few statements.
//
// Errors: as gorm's, unique violations as gorm.ErrDuplicatedKey.
func (tx *Tx) insert(table, columns string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	width := len(rows[0])
	one := "(?" + strings.Repeat(", ?", width-1) + ")"
	for len(rows) > 0 {
		n := tx.rowsAtOnce(len(rows), width)
		args := make([]any, 0, n*width)
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		_, err := tx.exec("INSERT INTO "+table+" ("+columns+") VALUES "+one+strings.Repeat(", "+one, n-1), args...)
		if err != nil {
			return fmt.Errorf("inserting into %s: %w", table, err)
		}
		rows = rows[n:]
	}
	return nil
}

// rowsAtOnce is how many of so many rows go into one statement. SQLite keeps its statements parsed, so there are only a few sizes of them;
// elsewhere each statement is a round trip.
func (tx *Tx) rowsAtOnce(rows, width int) int {
	if tx.db.Dialector.Name() == SQLite {
		return min(1<<(bits.Len(uint(rows))-1), maxRowsKept)
	}
	return min(rows, maxPlaceholders/width)
}

// exec runs one statement and says how many rows it matched.
func (tx *Tx) exec(statement string, args ...any) (int64, error) {
	r, err := tx.sql.ExecContext(tx.ctx, statement, args...)
	if err != nil {
		return 0, tx.translate(err)
	}
	return r.RowsAffected()
}

// query calls scan for each row.
func (tx *Tx) query(scan func(*sql.Rows) error, statement string, args ...any) error {
	rows, err := tx.sql.QueryContext(tx.ctx, statement, args...)
	if err != nil {
		return tx.translate(err)
	}
	return tx.translate(eachRow(rows, scan))
}

func (tx *Tx) translate(err error) error {
	if err == nil {
		return nil
	}
	return tx.db.Dialector.(gorm.ErrorTranslator).Translate(err)
}

// eachRow drains rows and closes them.
func eachRow(rows *sql.Rows, scan func(*sql.Rows) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// in writes the placeholders of "column IN (…)" and appends its values to args. The last value is repeated up to a power of two, so that
// there are few different statements to keep.
func in[T any](args []any, values []T) (string, []any) {
	for _, v := range values {
		args = append(args, v)
	}
	n := 1 << bits.Len(uint(len(values)-1))
	for range n - len(values) {
		args = append(args, values[len(values)-1])
	}
	return "(?" + strings.Repeat(", ?", n-1) + ")", args
}

// query calls scan for each row of one statement on the reader connections; one
// statement sees one moment.
func (d *DB) query(ctx context.Context, scan func(*sql.Rows) error, statement string, args ...any) error {
	rows, err := d.reader.sql.QueryContext(ctx, statement, args...)
	if err != nil {
		return refusal(err)
	}
	return refusal(eachRow(rows, scan))
}

// forUpdate ends a SELECT that locks its rows; SQLite's only writer needs none.
func (tx *Tx) forUpdate() string {
	if tx.db.Dialector.Name() == SQLite {
		return ""
	}
	return " FOR UPDATE"
}
