package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gorm.io/gorm"
)

// sqliteSettings are the pragmas of each connection and what they read back as.
var sqliteSettings = []struct{ name, set, want string }{
	{"busy_timeout", "5000", "5000"},               // first: switching to WAL may have to wait
	{"journal_mode", "WAL", "wal"},                 // readers do not stop the writer
	{"synchronous", "FULL", "2"},                   // a commit that returned survives a power cut
	{"foreign_keys", "ON", "1"},                    //
	{"trusted_schema", "OFF", "0"},                 // a tampered schema cannot call functions
	{"cell_size_check", "ON", "1"},                 // a damaged page is an error, not data
	{"journal_size_limit", "67108864", "67108864"}, // the WAL shrinks again after a burst
	{"wal_autocheckpoint", "8000", "8000"},         // pages: 32 MB; what is written often goes to the file once
	{"cache_size", "-32768", "-32768"},             // KiB; indexes by hash are read all over
}

func (d *DB) openSQLite(ctx context.Context) error {
	path, err := filepath.Abs(d.c.DSN)
	if err != nil {
		return fmt.Errorf("opening database: %w", err)
	}
	if err := sqliteFile(path, d.c.Create); err != nil {
		return err
	}
	dialector := func(db *sql.DB) gorm.Dialector { return sqliteDialect{db} }
	for _, p := range []struct {
		pool  *pool
		size  int
		extra []string
	}{
		{&d.writer, d.c.Writers, nil},
		{&d.reader, d.c.Readers, []string{"query_only(1)"}},
	} {
		connector, err := newKeepConnector(sqliteDSN(path, p.extra))
		if err != nil {
			return fmt.Errorf("opening database: %w", err)
		}
		db := sql.OpenDB(connector)
		p.pool.sql = db
		if err := checkSQLite(ctx, db); err != nil {
			return fmt.Errorf("opening database: %w", err)
		}
		if *p.pool, err = openPool(db, p.size, dialector); err != nil {
			return err
		}
	}
	return nil
}

// sqliteFile makes sure that the file is there, made by us with tight rights, so
// that SQLite itself never creates one. Its WAL inherits the rights.
func sqliteFile(path string, create bool) error {
	_, err := os.Stat(path)
	if err == nil || !create || !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return fmt.Errorf("opening database: %w", err)
		}
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("creating database: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("creating database: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("creating database: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil { // the name must survive too
		return fmt.Errorf("creating database: %w", err)
	}
	return nil
}

// sqliteDSN writes the connection string; mode=rw because a vanished file must
// be an error, never an empty database.
func sqliteDSN(path string, extra []string) string {
	segments := strings.Split(filepath.ToSlash(path), "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}}
	for _, s := range sqliteSettings {
		q.Add("_pragma", s.name+"("+s.set+")")
	}
	for _, e := range extra {
		q.Add("_pragma", e)
	}
	return "file:" + strings.Join(segments, "/") + "?" + q.Encode()
}

// checkSQLite reads the pragmas back.
func checkSQLite(ctx context.Context, db *sql.DB) error {
	for _, s := range sqliteSettings {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+s.name).Scan(&got); err != nil {
			return fmt.Errorf("reading %s: %w", s.name, err)
		}
		if got != s.want {
			return fmt.Errorf("%w: %s is %q, must be %q", ErrSettings, s.name, got, s.want)
		}
	}
	return nil
}
