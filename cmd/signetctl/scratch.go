package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

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
	if c.AuditKey, err = s.auditKey(); err != nil {
		return err
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

// copyRows copies all tables of a database of another dialect, as of one moment.
func copyRows(ctx context.Context, from *store.DB, c store.Config) (err error) {
	c.Create = true
	to, err := store.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := errors.Join(to.Migrate(ctx), to.Clear(ctx)); err != nil {
		return err
	}
	var table string
	var columns []string
	var rows [][]any
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		err := to.Load(ctx, table, columns, rows)
		rows = rows[:0]
		return err
	}
	begin := func(name string, names []string) error {
		err := flush()
		table, columns = name, slices.Clone(names)
		return err
	}
	row := func(values []any) error {
		if rows = append(rows, slices.Clone(values)); len(rows) < rowsAtOnce {
			return nil
		}
		return flush()
	}
	if err := from.Dump(ctx, begin, row); err != nil {
		return err
	}
	return flush()
}

const rowsAtOnce = 500
