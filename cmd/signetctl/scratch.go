package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"signet/api/store"
)

// withScratch runs f on a copy of the database that is thrown away afterwards, so that a dry run goes through
// everything that the real one would. The copy is a SQLite file that only this user can read.
func (s *site) withScratch(ctx context.Context, t terminal, db *store.DB, f func(*store.DB) error) (err error) {
	dir, err := os.MkdirTemp("", "signetctl-dry-run-") // 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := store.Config{Driver: store.SQLite, DSN: filepath.Join(dir, "scratch.db"), Log: t.log()}
	if db.Driver() == store.SQLite {
		err = copySQLite(ctx, s.path(s.Database.File), c.DSN)
	} else {
		err = copyRows(ctx, db, c)
	}
	if err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	if db.Driver() == store.SQLite {
		if c.AuditKey, err = s.auditKey(); err != nil {
			return err
		}
	}
	scratch, err := store.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	return f(scratch)
}

// copySQLite copies a database that may be in use, as of one moment.
func copySQLite(ctx context.Context, from, to string) (err error) {
	path, err := filepath.Abs(from)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "mode=rw&_pragma=busy_timeout(5000)"}).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// copyRows copies the tables of accounts and registration, which have the same columns in both dialects. What an import
// does not look at (audit, outbox, the CA's own) stays behind.
func copyRows(ctx context.Context, from *store.DB, c store.Config) (err error) {
	c.Create = true
	to, err := store.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := to.Migrate(ctx); err != nil {
		return err
	}
	var tables []string
	if err := to.Read(ctx).Raw("SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE 'acct!_%' ESCAPE '!' OR name LIKE 'ra!_%' ESCAPE '!')").Scan(&tables).Error; err != nil {
		return err
	}
	return to.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Exec("PRAGMA defer_foreign_keys = ON").Error; err != nil {
			return err
		}
		for _, table := range tables {
			if err := tx.DB().Exec("DELETE FROM " + table).Error; err != nil { // what migrations put there comes again
				return err
			}
			if err := copyTable(ctx, from, tx, table); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		return nil
	})
}

func copyTable(ctx context.Context, from *store.DB, to *store.Tx, table string) (err error) {
	rows, err := from.Read(ctx).Raw("SELECT * FROM " + table).Rows()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name()
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", table, strings.Join(names, ", "), strings.Repeat(", ?", len(names)-1))
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, c := range columns {
			if raw, ok := values[i].([]byte); ok && !strings.Contains(c.DatabaseTypeName(), "BLOB") && !strings.Contains(c.DatabaseTypeName(), "BINARY") {
				values[i] = string(raw) // SQLite compares text and bytes as different
			}
		}
		if err := to.DB().Exec(insert, values...).Error; err != nil {
			return err
		}
	}
	return rows.Err()
}
