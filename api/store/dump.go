package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// SchemaVersion is the number of the newest migration that was applied.
func (d *DB) SchemaVersion(ctx context.Context) (int64, error) {
	p, err := d.provider()
	if err != nil {
		return 0, err
	}
	version, err := p.GetDBVersion(ctx)
	return version, wrap("reading the schema's version", err)
}

// Dump reads every table as of one moment, those that others refer to first: begin for each, then row for each of its rows. What it gives is the
// same for both dialects and goes back in by Load.
//
// Shape: values are int64, string, []byte or nil.
// Errors: those of begin and row, which end it.
func (d *DB) Dump(ctx context.Context, begin func(table string, columns []string) error, row func(values []any) error) error {
	tables, err := d.tables(ctx)
	if err != nil {
		return err
	}
	return wrap("dumping the database", d.Snapshot(ctx, func(g *gorm.DB) error {
		for _, table := range tables {
			if err := dumpTable(g, table, begin, row); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		return nil
	}))
}

func dumpTable(g *gorm.DB, table string, begin func(string, []string) error, row func([]any) error) error {
	rows, err := g.Raw("SELECT * FROM " + table).Rows() // a name from the schema, checked by tables
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name()
	}
	if err := begin(table, names); err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	return eachRow(rows, func(rows *sql.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, c := range columns {
			if values[i], err = neutral(values[i], c.DatabaseTypeName()); err != nil {
				return fmt.Errorf("column %s: %w", names[i], err)
			}
		}
		return row(values)
	})
}

// neutral says in a dialect's own words what the column's type says: MySQL gives text and octets alike.
func neutral(value any, kind string) (any, error) {
	raw, isRaw := value.([]byte)
	switch {
	case isRaw && (strings.Contains(kind, "CHAR") || strings.Contains(kind, "TEXT")):
		return string(raw), nil
	case isRaw && strings.Contains(kind, "INT"):
		return strconv.ParseInt(string(raw), 10, 64)
	}
	switch value.(type) {
	case nil, int64, string, []byte:
		return value, nil
	}
	return nil, fmt.Errorf("%T cannot be dumped", value)
}

// Load adds rows that Dump gave, in one transaction.
func (d *DB) Load(ctx context.Context, table string, columns []string, rows [][]any) error {
	for _, name := range append(slices.Clone(columns), table) {
		if !identifier.MatchString(name) {
			return fmt.Errorf("loading: %q is no name of ours", Clip(name, 40))
		}
	}
	return wrap("loading "+table, d.Tx(ctx, func(tx *Tx) error { return tx.insert(table, strings.Join(columns, ", "), rows) }))
}

// Clear empties a database that was migrated a moment ago of what the migrations put there, so that Load finds room.
//
// Errors: one that has an audit entry is refused.
func (d *DB) Clear(ctx context.Context) error {
	tables, err := d.tables(ctx)
	if err != nil {
		return err
	}
	return wrap("clearing the database", d.Tx(ctx, func(tx *Tx) error {
		var entries int64
		if err := tx.DB().Table("store_audit").Count(&entries).Error; err != nil {
			return err
		}
		if entries > 0 {
			return fmt.Errorf("it is in use: it has %d audit entries", entries)
		}
		for _, table := range slices.Backward(tables) {
			if _, err := tx.exec("DELETE FROM " + table); err != nil {
				return err
			}
		}
		return nil
	}))
}

// tables lists ours, those that others refer to before those.
func (d *DB) tables(ctx context.Context) ([]string, error) {
	list := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'store_migrations' ORDER BY name"
	refers := "SELECT m.name, f.\"table\" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'"
	if d.c.Driver == MySQL {
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'store_migrations' ORDER BY table_name"
		refers = "SELECT table_name, referenced_table_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL"
	}
	var names []string
	if err := d.Read(ctx).Raw(list).Scan(&names).Error; err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	on := map[string][]string{}
	err := d.query(ctx, func(rows *sql.Rows) error {
		var from, to string
		err := rows.Scan(&from, &to)
		on[from] = append(on[from], to)
		return err
	}, refers)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	return inReferenceOrder(names, on)
}

func inReferenceOrder(names []string, on map[string][]string) ([]string, error) {
	var ordered []string
	var place func(name string, depth int) error
	place = func(name string, depth int) error {
		if slices.Contains(ordered, name) {
			return nil
		}
		if depth > len(names) || !identifier.MatchString(name) {
			return fmt.Errorf("listing tables: %q cannot be placed", name)
		}
		for _, other := range on[name] {
			if other == name {
				continue // rows of one table that refer to each other come in the order of their making
			}
			if err := place(other, depth+1); err != nil {
				return err
			}
		}
		ordered = append(ordered, name)
		return nil
	}
	for _, name := range names {
		if err := place(name, 0); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}
