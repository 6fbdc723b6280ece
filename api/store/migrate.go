package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/sqlite/*.sql migrations/mysql/*.sql
var migrations embed.FS

// migrateLock keeps two instances from migrating one MySQL server at once.
const migrateLock = "signet_migrate"

// Migrate brings the schema to the newest version. Forward only; running it again
// does nothing.
func (d *DB) Migrate(ctx context.Context) error {
	p, err := d.provider()
	if err != nil {
		return err
	}
	unlock, err := d.lockMigration(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	results, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	for _, r := range results {
		d.c.Log.Info("migrated", "version", r.Source.Version, "duration", r.Duration)
	}
	return nil
}

// Pending reports whether migrations are missing.
func (d *DB) Pending(ctx context.Context) (bool, error) {
	p, err := d.provider()
	if err != nil {
		return false, err
	}
	pending, err := p.HasPending(ctx)
	return pending, wrap("reading the schema's version", err)
}

func (d *DB) provider() (*goose.Provider, error) {
	folder, dialect := "migrations/sqlite", goose.DialectSQLite3
	if d.c.Driver == MySQL {
		folder, dialect = "migrations/mysql", goose.DialectMySQL
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return nil, fmt.Errorf("migrating: %w", err)
	}
	p, err := goose.NewProvider(dialect, d.writer.sql, files,
		goose.WithTableName("store_migrations"),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()))
	return p, wrap("migrating", err)
}

// lockMigration takes a named lock on its own connection; the server frees it if
// this process dies. SQLite has one writer and needs none: of two processes the
// second finds the work done or fails without an effect.
func (d *DB) lockMigration(ctx context.Context) (unlock func(), err error) {
	if d.c.Driver != MySQL {
		return func() {}, nil
	}
	conn, err := d.writer.sql.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrating: %w", err)
	}
	var got sql.NullInt64
	// The name holds the schema's name: two databases on one server do not wait for each other.
	err = conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT(?, '.', DATABASE()), 8)", migrateLock).Scan(&got)
	if err == nil && got.Int64 != 1 {
		err = errors.New("another instance is migrating")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("migrating: %w", err), conn.Close())
	}
	return func() {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(CONCAT(?, '.', DATABASE()))", migrateLock)
		if err := errors.Join(err, conn.Close()); err != nil {
			d.c.Log.Warn("releasing the migration lock failed", slog.Any("error", err))
		}
	}, nil
}
