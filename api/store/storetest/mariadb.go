package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"signet/api/store"
)

// Making a hundred tables takes MariaDB seconds, and dropping them as long. So the migrations run once in each test binary; other databases are
// made of the statements that describe what they made, and in a binary whose TestMain calls Main a database goes from test to test, emptied
// between them.
var pool struct {
	mu     sync.Mutex
	reuse  bool
	spare  []string // names of databases as the migrations left them
	schema *schema
}

// schema is what the migrations make.
type schema struct {
	tables []string
	create []string // statements
	fill   []string // statements: the rows that migrations put in
	shape  string   // to compare with
}

// Main runs the tests of a package and gives the code to exit with. Their databases on MariaDB are used again, and dropped at the end.
func Main(m *testing.M) int {
	pool.reuse = true
	code := m.Run()
	for _, name := range pool.spare {
		if err := drop(context.Background(), name); err != nil {
			fmt.Fprintln(os.Stderr, "dropping", name, err)
		}
	}
	return code
}

// MigratedMariaDB gives the DSN of a database of the test's own with the newest schema and no rows but the migrations'. A test that changes the
// schema gets one like any other: it is not used again.
func MigratedMariaDB(t testing.TB) string {
	t.Helper()
	reachMariaDB(t)
	name, err := take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := giveBack(context.WithoutCancel(t.Context()), name, t.Failed()); err != nil {
			t.Error(err)
		}
	})
	return dsnOf(t, name)
}

func take(ctx context.Context) (string, error) {
	pool.mu.Lock()
	defer pool.mu.Unlock()
	if n := len(pool.spare); n > 0 {
		name := pool.spare[n-1]
		pool.spare = pool.spare[:n-1]
		return name, nil
	}
	name, err := create(ctx)
	if err == nil && pool.schema == nil {
		pool.schema, err = migrated(ctx, name)
	} else if err == nil {
		err = onDatabase(name, func(db *sql.DB) error {
			return execute(ctx, db, slices.Concat(pool.schema.create, pool.schema.fill))
		})
	}
	if err != nil && name != "" {
		err = errors.Join(err, drop(context.WithoutCancel(ctx), name))
	}
	return name, err
}

// giveBack empties a database for the next test, or drops it where there is any doubt that nothing of this one is left.
func giveBack(ctx context.Context, name string, failed bool) error {
	if pool.reuse && !failed {
		if err := onDatabase(name, func(db *sql.DB) error { return empty(ctx, db, name, pool.schema) }); err == nil {
			pool.mu.Lock()
			defer pool.mu.Unlock()
			pool.spare = append(pool.spare, name)
			return nil
		}
	}
	return drop(ctx, name)
}

var errChanged = errors.New("the test changed the schema, or is still connected")

// empty leaves a database as the migrations made it.
func empty(ctx context.Context, db *sql.DB, name string, s *schema) error {
	if err := alone(ctx, db, name); err != nil {
		return err
	}
	if shape, err := shapeOf(ctx, db, name); err != nil || shape != s.shape {
		return errors.Join(errChanged, err)
	}
	var asked []string
	for _, table := range s.tables {
		asked = append(asked, "SELECT '"+table+"' FROM (SELECT 1) one WHERE EXISTS (SELECT 1 FROM `"+table+"`)")
	}
	filled, err := query(ctx, db, strings.Join(asked, " UNION ALL "))
	if err != nil {
		return err
	}
	counted, err := query(ctx, db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND AUTO_INCREMENT > 1", name)
	if err != nil {
		return err
	}
	var all []string
	for _, row := range filled {
		all = append(all, "DELETE FROM `"+row[0].value+"`")
	}
	for _, row := range counted {
		all = append(all, "ALTER TABLE `"+row[0].value+"` AUTO_INCREMENT = 1")
	}
	return execute(ctx, db, slices.Concat(all, s.fill))
}

// alone waits until the server has noticed that the test's connections are closed: what one of them still did would be found by the next test.
func alone(ctx context.Context, db *sql.DB, name string) error {
	for range 500 {
		others, err := query(ctx, db, "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()", name)
		if err != nil || len(others) == 0 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errChanged
}

// shapeOf is all that a test could change besides rows, as text.
func shapeOf(ctx context.Context, db *sql.DB, name string) (string, error) {
	var out strings.Builder
	for _, q := range []string{
		"SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, ORDINAL_POSITION",
		"SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
		"SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? ORDER BY TRIGGER_NAME",
	} {
		rows, err := query(ctx, db, q, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&out, rows)
	}
	return out.String(), nil
}

// migrated runs the migrations in an empty database and describes what they made.
func migrated(ctx context.Context, name string) (*schema, error) {
	dsn, err := serverDSN(name)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Config{Driver: store.MySQL, DSN: dsn})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(db.Migrate(ctx), db.Close()); err != nil {
		return nil, err
	}
	s := &schema{}
	return s, onDatabase(name, func(db *sql.DB) error { return s.describe(ctx, db, name) })
}

func (s *schema) describe(ctx context.Context, db *sql.DB, name string) (err error) {
	if s.shape, err = shapeOf(ctx, db, name); err != nil {
		return err
	}
	tables, err := query(ctx, db, "SHOW TABLES")
	if err != nil {
		return err
	}
	for _, row := range tables {
		table := row[0].value
		s.tables = append(s.tables, table)
		create, err := query(ctx, db, "SHOW CREATE TABLE `"+table+"`")
		if err != nil {
			return err
		}
		s.create = append(s.create, create[0][1].value)
		filled, err := query(ctx, db, "SELECT * FROM `"+table+"`")
		if err != nil {
			return err
		}
		for _, row := range filled {
			values := make([]string, len(row))
			for i, v := range row {
				values[i] = v.literal()
			}
			s.fill = append(s.fill, "INSERT INTO `"+table+"` VALUES ("+strings.Join(values, ", ")+")")
		}
	}
	return nil
}

// cell is one value of a row.
type cell struct {
	value        string
	null, binary bool
}

// literal writes the value as the column takes it back.
func (c cell) literal() string {
	switch {
	case c.null:
		return "NULL"
	case c.binary:
		return "X'" + hex.EncodeToString([]byte(c.value)) + "'"
	}
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(c.value) + "'"
}

func query(ctx context.Context, db *sql.DB, text string, args ...any) ([][]cell, error) {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	var all [][]cell
	for rows.Next() {
		values, into := make([]sql.NullString, len(types)), make([]any, len(types))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]cell, len(types))
		for i, v := range values {
			kind := types[i].DatabaseTypeName()
			row[i] = cell{value: v.String, null: !v.Valid, binary: strings.Contains(kind, "BINARY") || strings.Contains(kind, "BLOB")}
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// execute runs statements on one connection, which does not look at foreign keys.
func execute(ctx context.Context, db *sql.DB, all []string) error {
	_, err := db.ExecContext(ctx, strings.Join(append([]string{"SET foreign_key_checks = 0"}, all...), ";\n"))
	return err
}

// onDatabase opens a database for statements, several at a time.
func onDatabase(name string, f func(*sql.DB) error) error {
	dsn, err := serverDSN(name)
	if err != nil {
		return err
	}
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return err
	}
	c.MultiStatements, c.InterpolateParams = true, true
	db, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(f(db), db.Close())
}

func create(ctx context.Context) (string, error) {
	var random [8]byte
	rand.Read(random[:])
	name := "signet_test_" + hex.EncodeToString(random[:])
	return name, onDatabase("", func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "CREATE DATABASE "+name)
		return err
	})
}

func drop(ctx context.Context, name string) error {
	return onDatabase("", func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "DROP DATABASE "+name)
		return err
	})
}

// serverDSN names a database of the server of SIGNET_TEST_MYSQL.
func serverDSN(name string) (string, error) {
	dsn := os.Getenv("SIGNET_TEST_MYSQL")
	if dsn == "" {
		dsn = "root@tcp(127.0.0.1:3306)/"
	}
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", fmt.Errorf("SIGNET_TEST_MYSQL: %w", err)
	}
	c.DBName = name
	return c.FormatDSN(), nil
}

func dsnOf(t testing.TB, name string) string {
	t.Helper()
	dsn, err := serverDSN(name)
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// reachMariaDB skips the test where no MariaDB answers; under CI it fails.
func reachMariaDB(t testing.TB) {
	t.Helper()
	err := onDatabase("", func(db *sql.DB) error { return db.PingContext(t.Context()) })
	if err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no MariaDB answers: %v", err)
	}
	t.Skipf("no MariaDB answers: %v", err)
}
