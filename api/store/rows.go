package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"gorm.io/gorm/schema"
)

// CheckRows compares row types with the migrated schema, for the tests of every
// package that owns tables: each column must have a field and each field a column,
// and gorm must not set any of them by itself.
//
// Shape: rows are values of struct types with a TableName method.
func (d *DB) CheckRows(ctx context.Context, rows ...any) error {
	var errs []error
	for _, row := range rows {
		errs = append(errs, d.checkRow(ctx, row))
	}
	return errors.Join(errs...)
}

func (d *DB) checkRow(ctx context.Context, row any) error {
	s, err := schema.Parse(row, &sync.Map{}, d.reader.gorm.NamingStrategy)
	if err != nil {
		return fmt.Errorf("reading row type %T: %w", row, err)
	}
	fields := map[string]bool{}
	for _, f := range s.Fields {
		if f.DBName == "" {
			continue
		}
		fields[f.DBName] = true
		if f.AutoCreateTime != 0 || f.AutoUpdateTime != 0 {
			err = errors.Join(err, fmt.Errorf("%s.%s: gorm would set it; tag it autoCreateTime:false or autoUpdateTime:false", s.Table, f.DBName))
		}
	}
	columns, readErr := d.columns(ctx, s.Table)
	if readErr != nil {
		return readErr
	}
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		if !fields[name] {
			err = errors.Join(err, fmt.Errorf("%s.%s has no field in %T", s.Table, name, row))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !columns[name] {
			err = errors.Join(err, fmt.Errorf("%s.%s of %T has no column", s.Table, name, row))
		}
	}
	return err
}

// columns reads a table's columns.
//
// Errors: an unknown table is one.
func (d *DB) columns(ctx context.Context, table string) (map[string]bool, error) {
	var names []string
	q := d.Read(ctx)
	if d.c.Driver == SQLite {
		q = q.Raw("SELECT name FROM pragma_table_info(?)", table)
	} else {
		q = q.Raw("SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?", table)
	}
	if err := q.Scan(&names).Error; err != nil {
		return nil, fmt.Errorf("reading columns of %s: %w", table, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no table %s", table)
	}
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return set, nil
}
