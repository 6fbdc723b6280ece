package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// Time-outs of one MySQL round trip, used where the DSN names none. A lost packet
// must not hold a person for the kernel's fifteen minutes.
const (
	dialFor      = 3 * time.Second
	roundTripFor = 10 * time.Second
	lockWaitFor  = "5" // seconds; below roundTripFor, so that the server answers 1205 first
)

// strictMode makes the server refuse what SQLite with our checks would refuse too.
const strictMode = "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

func (d *DB) openMySQL(ctx context.Context) error {
	base, err := driver.ParseDSN(d.c.DSN)
	if err != nil {
		return errors.New("opening database: the DSN cannot be read") // the driver's text would show the password
	}
	tuneMySQL(base)
	server, err := probeMySQL(ctx, base)
	if err != nil {
		return fmt.Errorf("opening database: %w", err)
	}
	server.apply(base)
	dialector := func(db *sql.DB) gorm.Dialector {
		return mysql.New(mysql.Config{Conn: db, DisableWithReturning: true})
	}
	for _, p := range []struct {
		pool     *pool
		size     int
		readOnly bool
	}{{&d.writer, d.c.Writers, false}, {&d.reader, d.c.Readers, true}} {
		c := base.Clone()
		c.Params = maps.Clone(base.Params)
		if p.readOnly {
			c.Params[server.readOnlyVariable()] = "1"
		}
		connector, err := driver.NewConnector(c)
		if err != nil {
			return fmt.Errorf("opening database: %w", err)
		}
		db := sql.OpenDB(connector)
		db.SetConnMaxLifetime(5 * time.Minute) // lets a balancer drain a node
		p.pool.sql = db
		if err := checkMySQL(ctx, db); err != nil {
			return fmt.Errorf("opening database: %w", err)
		}
		if *p.pool, err = openPool(db, p.size, dialector); err != nil {
			return err
		}
	}
	return nil
}

// tuneMySQL sets what is ours to decide; time-outs in the DSN are kept.
func tuneMySQL(c *driver.Config) {
	if c.Timeout == 0 {
		c.Timeout = dialFor
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = roundTripFor
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = roundTripFor
	}
	c.Collation = "utf8mb4_bin"
	c.InterpolateParams = true // one round trip per statement; safe with utf8mb4
	c.ClientFoundRows = true   // an UPDATE counts rows matched, as on SQLite
	c.MultiStatements = false
	c.Logger = &driver.NopLogger{}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["sql_mode"] = strictMode
	c.Params["innodb_lock_wait_timeout"] = lockWaitFor
}

// mysqlServer is what differs between servers that speak the protocol.
type mysqlServer struct{ mariaDB, galera bool }

func probeMySQL(ctx context.Context, base *driver.Config) (mysqlServer, error) {
	connector, err := driver.NewConnector(base)
	if err != nil {
		return mysqlServer{}, err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var version string
	if err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return mysqlServer{}, err
	}
	var name, value string
	err = db.QueryRowContext(ctx, "SHOW GLOBAL VARIABLES LIKE 'wsrep_on'").Scan(&name, &value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return mysqlServer{}, err
	}
	return mysqlServer{mariaDB: strings.Contains(version, "MariaDB"), galera: value == "ON"}, nil
}

func (s mysqlServer) apply(c *driver.Config) {
	// Rows are guarded by conditional updates and unique keys; gap locks would
	// only add deadlocks between inserts.
	if s.mariaDB {
		c.Params["tx_isolation"] = "'READ-COMMITTED'"
	} else {
		c.Params["transaction_isolation"] = "'READ-COMMITTED'"
	}
	if s.galera {
		c.Params["wsrep_sync_wait"] = "1" // a revoked certificate is never read as good from a slower node
	}
}

func (s mysqlServer) readOnlyVariable() string {
	if s.mariaDB {
		return "tx_read_only"
	}
	return "transaction_read_only"
}

// mysqlSettings are the settings that durability and comparison rest on.
var mysqlSettings = []struct{ name, want string }{
	{"@@global.innodb_flush_log_at_trx_commit", "1"}, // a commit that returned survives a power cut
	{"@@session.collation_connection", "utf8mb4_bin"},
	{"@@session.autocommit", "1"},
}

// checkMySQL reads the settings back.
func checkMySQL(ctx context.Context, db *sql.DB) error {
	for _, s := range mysqlSettings {
		var got string
		if err := db.QueryRowContext(ctx, "SELECT "+s.name).Scan(&got); err != nil {
			return fmt.Errorf("reading %s: %w", s.name, err)
		}
		if got != s.want {
			return fmt.Errorf("%w: %s is %q, must be %q", ErrSettings, s.name, got, s.want)
		}
	}
	var mode string
	if err := db.QueryRowContext(ctx, "SELECT @@session.sql_mode").Scan(&mode); err != nil {
		return fmt.Errorf("reading sql_mode: %w", err)
	}
	if !strings.Contains(mode, "STRICT_ALL_TABLES") || strings.Contains(mode, "NO_BACKSLASH_ESCAPES") {
		return fmt.Errorf("%w: sql_mode is %q", ErrSettings, mode)
	}
	return nil
}
